"""What was read lately is not read again, never for anybody else, and changes no answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import torch

from server.engine.embedded import EmbeddedEngine
from server.engine.embedded.kvcache import KVCache
from server.engine.embedded.prefixes import BLOCK, KEPT_SECONDS, Prefixes, Root
from server.engine.types import GenerationRequest, Sampling
from server.types import Message

LONG = "The harbour of Arden has nine piers and a light that turns. " * 3


@pytest.fixture
async def engine(tiny_model: Path) -> AsyncIterator[EmbeddedEngine]:
    engine = EmbeddedEngine(tiny_model, "tiny", threads=1)
    await engine.start()
    yield engine
    await engine.close()


def request(*said: str, **changes: Any) -> GenerationRequest:
    """A conversation that begins with the user."""
    messages = tuple(Message("assistant" if n % 2 else "user", text) for n, text in enumerate(said))
    return GenerationRequest("r", messages, sampling=Sampling(max_tokens=12), **changes)


async def say(engine: EmbeddedEngine, asked: GenerationRequest) -> str:
    return "".join([chunk.text async for chunk in engine.generate(asked)])


@pytest.fixture
def read(engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many prompt tokens each step reads."""
    steps: list[int] = []
    forward = engine._loaded.forward
    step = forward.step

    def counted(tokens: Any, positions: Any, rows: Any, decoding: int, *others: Any) -> torch.Tensor:
        steps.append(len(tokens) - decoding)
        return step(tokens, positions, rows, decoding, *others)

    monkeypatch.setattr(forward, "step", counted)
    return steps


async def test_the_same_prompt_is_read_once_and_answered_alike(
    engine: EmbeddedEngine, read: list[int]
) -> None:
    first = await say(engine, request(LONG))
    whole = sum(read)
    read.clear()
    assert await say(engine, request(LONG)) == first
    assert 0 < sum(read) <= BLOCK < whole


async def test_the_next_turn_of_a_conversation_reads_only_what_is_new(
    engine: EmbeddedEngine, read: list[int]
) -> None:
    answer = await say(engine, request(LONG, cache_salt="ana"))
    read.clear()
    await say(engine, request(LONG, answer, "And how deep is it?", cache_salt="ana"))
    assert sum(read) < 100


async def test_prompts_that_begin_alike_share_a_beginning_while_they_run_side_by_side(
    engine: EmbeddedEngine, read: list[int]
) -> None:
    asked = [request(f"{LONG} What is {n}?", background=True) for n in range(8)]
    together = await asyncio.gather(*(say(engine, one) for one in asked))
    assert sum(read) < 4 * len(LONG)
    fresh = [request(f"{LONG} What is {n}?", cache_salt=f"alone {n}") for n in range(8)]
    assert together == [await say(engine, one) for one in fresh]


async def test_prompts_for_which_nobody_waits_are_read_in_small_parts_while_chat_answers_run(
    engine: EmbeddedEngine, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = GenerationRequest("chat", (Message("user", "Hi"),), sampling=Sampling(max_tokens=300))
    chatting = asyncio.create_task(say(engine, chat))
    batch = engine._worker.batch
    assert batch is not None
    monkeypatch.setattr(batch.beside, "allowed", lambda rows: 8)
    while not batch._decoding:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    read.clear()
    await say(engine, request(LONG, background=True))
    assert not chatting.done()
    assert max(read) <= 8 < sum(read)
    await chatting
    read.clear()
    await say(engine, request(LONG, background=True, cache_salt="later"))
    assert max(read) > 8, "with nobody to wait for it, as fast as it goes"


async def test_one_background_answer_runs_beside_a_chat_answer_and_all_when_it_has_ended(
    engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = engine._worker.batch
    assert batch is not None
    forward, beside = engine._loaded.forward, list[int]()
    step = forward.step

    def counted(*given: Any) -> torch.Tensor:
        waiting = [answer.request.background for answer in batch._rows]
        if not all(waiting):
            beside.append(sum(waiting))
        return step(*given)

    writing = [asyncio.create_task(say(engine, request(LONG, background=True))) for _ in range(6)]
    while batch.running < 6:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    monkeypatch.setattr(forward, "step", counted)
    await say(engine, request("Hi"))
    assert set(beside) <= {0, 1}
    assert len(set(await asyncio.gather(*writing))) == 1, "all alike, whatever was sent back"


async def test_texts_are_scored_in_small_parts_while_chat_answers_run(
    engine: EmbeddedEngine, read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = await engine.log_likelihoods("v0", [Message("user", LONG)], ["Nine piers of stone.", "Ten."])
    batch = engine._worker.batch
    assert batch is not None
    monkeypatch.setattr(batch.beside, "allowed", lambda rows: 3)
    chat = GenerationRequest("chat", (Message("user", "Hi"),), sampling=Sampling(max_tokens=300))
    chatting = asyncio.create_task(say(engine, chat))
    while not batch._decoding:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    read.clear()
    beside = await engine.log_likelihoods("v0", [Message("user", LONG)], ["Nine piers of stone.", "Ten."])
    assert not chatting.done()
    assert max(read) == 3
    assert beside == pytest.approx(alone, abs=1e-4)
    await chatting


async def test_what_scored_texts_have_in_common_is_read_once(engine: EmbeddedEngine, read: list[int]) -> None:
    await engine.log_likelihoods("v0", [Message("user", LONG)], ["Nine."])
    whole = sum(read)
    read.clear()
    await engine.log_likelihoods("v0", [Message("user", LONG)], ["Ten.", "Eleven."])
    assert sum(read) < whole


async def test_nobody_reuses_what_was_read_for_somebody_else(engine: EmbeddedEngine, read: list[int]) -> None:
    await say(engine, request(LONG, cache_salt="ana"))
    whole = sum(read)
    read.clear()
    await say(engine, request(LONG, cache_salt="ben"))
    assert sum(read) == whole


async def test_a_version_never_meets_what_another_one_read(
    engine: EmbeddedEngine, adapters: dict[str, Path], read: list[int]
) -> None:
    alone = {}
    for version, path in adapters.items():
        await engine.load(version, path)
        alone[version] = await say(engine, request(LONG, version=version, cache_salt=version))
    assert len(set(alone.values())) > 1
    for version in adapters:
        assert await say(engine, request(LONG, version=version)) == alone[version]
    name, other = list(adapters)[:2]
    await engine.unload(name)
    await engine.load(name, adapters[other])
    read.clear()
    assert await say(engine, request(LONG, version=name)) == alone[other]
    assert sum(read) > len(LONG)


async def test_likelihoods_are_those_of_each_answer_alone(engine: EmbeddedEngine) -> None:
    asked = [Message("user", LONG)]
    answers = ["Nine.", "Nine piers.", "A light", ""]
    together = await engine.log_likelihoods("v0", asked, answers)
    alone = [(await engine.log_likelihoods("v0", asked, [answer]))[0] for answer in answers]
    assert together == pytest.approx(alone, abs=1e-5)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def filled(tokens: int, budget: int = 10_000) -> KVCache:
    """A cache whose row 0 holds so many tokens."""
    cache = KVCache(1, budget)
    cache.reserve(1, tokens)
    states = torch.randn(tokens, 2, 3)
    cache.store(0, states, -states, torch.arange(tokens))
    return cache


def test_what_is_pasted_is_what_was_cut() -> None:
    cache, root, tokens = filled(40), Root(None, ""), list(range(40))
    before = cache.cut(0, 0, 32)[0]
    prefixes = Prefixes(cache)
    prefixes.keep(root, tokens, 0)
    assert prefixes.known(root, [*tokens[:35], 99, 99]) == 32
    assert prefixes.known(root, tokens[:32]) == 16, "the last token has to be run"
    cache.clear()
    cache.reserve(2, 40)
    prefixes.paste(root, tokens, 1)
    after = cache.cut(1, 0, 32)[0]
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1], after[1])


def test_the_least_recently_used_ends_go_first() -> None:
    clock = Clock()
    cache = filled(64, budget=4 * 64)  # a quarter of the budget: four blocks
    prefixes = Prefixes(cache, clock)
    cache.rows = 0  # nobody runs
    one, other = list(range(48)), [*range(16), *range(70, 102)]
    prefixes.keep(Root(None, ""), one, 0)
    clock.now = 1.0
    prefixes.keep(Root(None, ""), other, 0)
    assert prefixes.tokens == 64
    assert prefixes.known(Root(None, ""), [*other, 0]) == 48
    assert prefixes.known(Root(None, ""), [*one, 0]) == 32


def test_nothing_is_kept_for_long_and_nothing_where_running_answers_need_the_room() -> None:
    clock = Clock()
    cache = filled(128, budget=1000)
    prefixes = Prefixes(cache, clock)
    prefixes.keep(Root("a", ""), list(range(64)), 0)
    prefixes.keep(Root("b", ""), list(range(64)), 0)
    prefixes.drop("a")
    assert prefixes.tokens == 64
    clock.now = KEPT_SECONDS + 1
    prefixes.trim()
    assert prefixes.tokens == 0
    prefixes.keep(Root("b", ""), list(range(64)), 0)
    cache.reserve(7, 128)
    prefixes.trim()
    assert prefixes.tokens == 0
