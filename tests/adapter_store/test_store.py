from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter_store import Delta, Store, StoreError, UnknownDelta, Version
from adapter_store.compose import WEIGHTS

BASE = "b" * 64


def everything(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.name != "store.lock"}


def age(root: Path, seconds: float) -> None:
    then = time.time() - seconds
    for path in root.rglob("*"):
        os.utime(path, (then, then))


def test_putting_the_same_delta_again_changes_nothing(store: Store, make_delta: Callable[..., Delta]) -> None:
    first = store.put(make_delta())
    before = everything(store.root)
    assert store.put(make_delta()) == first
    assert everything(store.root) == before
    assert store.deltas() == [first]


def test_sweep_keeps_what_is_referenced_and_what_is_young(
    store: Store, make_delta: Callable[..., Delta]
) -> None:
    kept, dropped = store.put(make_delta(seed=1)), store.put(make_delta(seed=2))
    listed, unlisted = Version("v1", BASE, (kept,)), Version("v2", BASE, (dropped,))
    folders = [store.compose(listed), store.compose(unlisted)]
    age(store.root, 100)
    young = store.put(make_delta(seed=3))

    removed = store.sweep({kept, "v1"}, grace_seconds=50)

    assert len(removed) == 3, "the manifest, its factors and the composed folder"
    assert store.deltas() == sorted([kept, young])
    store.verify(kept)
    store.verify(young)
    assert [folder.exists() for folder in folders] == [True, False]
    with pytest.raises(UnknownDelta):
        store.get(dropped)


def test_sweep_removes_the_leftovers_of_killed_writers(store: Store) -> None:
    (store.root / "tmp" / "part-abc").write_bytes(b"half")
    assert store.sweep(set(), grace_seconds=50) == []
    age(store.root, 100)
    assert store.sweep(set(), grace_seconds=50) == ["tmp/part-abc"]


def test_putting_an_orphan_again_saves_it_from_the_sweep(
    store: Store, make_delta: Callable[..., Delta]
) -> None:
    store.put(make_delta())
    age(store.root, 100)
    again = store.put(make_delta())
    assert store.sweep(set(), grace_seconds=50) == []
    store.verify(again)


def test_sweep_never_takes_factors_while_a_referenced_manifest_cannot_be_read(
    store: Store, make_delta: Callable[..., Delta]
) -> None:
    kept = store.put(make_delta())
    next(store.root.glob(f"blobs/sha256/*/{kept}.json")).write_bytes(b"{}")
    age(store.root, 100)
    store.sweep({kept}, grace_seconds=50)
    assert len(list(store.root.glob("blobs/sha256/*/*.safetensors"))) == 1


def test_a_deleted_delta_is_gone_with_every_folder_that_held_it(
    store: Store, make_delta: Callable[..., Delta]
) -> None:
    ours, other = store.put(make_delta(seed=1)), store.put(make_delta(seed=2))
    both = store.compose(Version("v2", BASE, (ours, other)))
    alone = store.compose(Version("v3", BASE, (other,)))
    store.delete(ours)
    assert (both.exists(), alone.exists()) == (False, True)
    assert store.deltas() == [other]
    assert len(list(store.root.glob("blobs/sha256/*/*.safetensors"))) == 1
    store.delete(ours)


def test_factors_that_two_deltas_share_outlive_the_deletion_of_one(
    store: Store, make_delta: Callable[..., Delta]
) -> None:
    one = store.put(make_delta(provenance={"run": 1}))
    two = store.put(make_delta(provenance={"run": 2}))
    assert len(list(store.root.glob("blobs/sha256/*/*.safetensors"))) == 1
    store.delete(one)
    store.verify(two)


def test_a_composed_folder_is_made_once_and_again_when_deleted(
    store: Store, make_delta: Callable[..., Delta]
) -> None:
    version = Version("v1", BASE, (store.put(make_delta()),))
    weights = store.compose(version) / WEIGHTS
    made = weights.stat().st_mtime_ns
    before = store.files(version)
    assert weights.stat().st_mtime_ns == made
    weights.unlink()
    assert store.files(version) == before


def test_a_store_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="Cannot make the store"):
        Store(tmp_path / "file" / "store")
