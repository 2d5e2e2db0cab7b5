"""Room for keys and values."""

from __future__ import annotations

import torch

from server.engine.embedded.kvcache import KVCache

PER_TOKEN = 2 * 2 * 3 * 4  # keys and values, 2 heads, size 3, float32


def fill(cache: KVCache, row: int, tokens: int) -> torch.Tensor:
    values = torch.randn(tokens, 2, 3)
    slots = torch.arange(tokens) + row * cache.length
    cache.store(0, values, -values, slots)
    return values


def read(cache: KVCache, row: int, tokens: int) -> torch.Tensor:
    keys, values = cache.store(
        0, torch.empty(0, 2, 3), torch.empty(0, 2, 3), torch.empty(0, dtype=torch.long)
    )
    assert torch.equal(keys[row, :tokens], -values[row, :tokens])
    return keys[row, :tokens]


def test_growing_in_rows_and_length_keeps_what_is_stored() -> None:
    cache = KVCache(PER_TOKEN, 10**9)
    cache.reserve(1, 10)
    stored = fill(cache, 0, 10)
    cache.reserve(5, 10)
    cache.reserve(5, 400)
    assert (cache.rows, cache.length) == (8, 512)
    assert torch.equal(read(cache, 0, 10), stored)


def test_rows_can_be_moved_and_swapped() -> None:
    cache = KVCache(PER_TOKEN, 10**9)
    cache.reserve(3, 10)
    first, third = fill(cache, 0, 5), fill(cache, 2, 7)
    cache.swap(0, 2, 7)
    assert torch.equal(read(cache, 0, 7), third)
    assert torch.equal(read(cache, 2, 5), first)
    cache.move(0, 1, 7)
    assert torch.equal(read(cache, 1, 7), third)


def test_what_a_row_held_is_gone_when_it_moved_or_was_wiped() -> None:
    cache = KVCache(PER_TOKEN, 10**9)
    cache.reserve(3, 10)
    fill(cache, 0, 5)
    cache.move(0, 1, 5)
    assert not read(cache, 0, 10).any()
    cache.wipe(1, 5)
    assert not read(cache, 1, 10).any()


def test_the_budget_bounds_rows_times_length_but_never_refuses_the_only_row() -> None:
    cache = KVCache(PER_TOKEN, PER_TOKEN * 1024)
    assert cache.fits(8, 128)
    assert not cache.fits(8, 129)
    assert cache.fits(1, 5000)
    cache.reserve(8, 128)
    fill(cache, 0, 1)
    assert cache.bytes == PER_TOKEN * 1024
    cache.clear()
    assert cache.bytes == 0
