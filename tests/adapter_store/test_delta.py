from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest

from adapter_store import Delta, IncompatibleDelta, Store
from adapter_store.blobs import sha256
from adapter_store.delta import canonical_json, pack


def test_a_delta_comes_back_as_it_was_put(store: Store, make_delta: Callable[..., Delta]) -> None:
    put = make_delta(provenance={"edits": ["e1"], "loss": [0.5, 0.25], "name": "Ünï"})
    got = store.get(store.put(put))
    assert got.manifest == put.manifest
    for module in put.manifest.modules:
        np.testing.assert_array_equal(got.a[module], put.a[module])
        np.testing.assert_array_equal(got.b[module], put.b[module])


def test_the_id_is_the_hash_of_the_manifest_which_names_the_factors_by_hash(
    make_delta: Callable[..., Delta], store: Store
) -> None:
    delta = make_delta()
    factors, manifest = pack(delta)
    assert store.put(delta) == sha256(manifest)
    assert json.loads(manifest)["factors"] == {"sha256": sha256(factors), "bytes": len(factors)}


def test_the_order_of_dicts_and_the_layout_in_memory_do_not_change_the_id(
    store: Store, make_delta: Callable[..., Delta]
) -> None:
    delta = make_delta(provenance={"a": 1, "b": 2})
    turned = Delta(
        dataclasses.replace(delta.manifest, provenance={"b": 2, "a": 1}),
        {module: np.asfortranarray(delta.a[module]) for module in reversed(list(delta.a))},
        {module: np.asfortranarray(delta.b[module]) for module in reversed(list(delta.b))},
    )
    assert store.put(turned) == store.put(delta)


def test_every_part_of_a_delta_counts_for_its_id(store: Store, make_delta: Callable[..., Delta]) -> None:
    delta = make_delta()
    nudged = {m: a + np.float32(1e-6) for m, a in delta.a.items()}
    ids = {
        store.put(delta),
        store.put(dataclasses.replace(delta, a=nudged)),
        store.put(dataclasses.replace(delta, manifest=dataclasses.replace(delta.manifest, alpha=4.0))),
        store.put(dataclasses.replace(delta, manifest=dataclasses.replace(delta.manifest, base_digest="c"))),
        store.put(make_delta(provenance={"edits": ["other"]})),
    }
    assert len(ids) == 5


def test_a_whole_number_alpha_gives_the_same_id_as_its_float(
    store: Store, make_delta: Callable[..., Delta]
) -> None:
    assert store.put(make_delta(alpha=3)) == store.put(make_delta(alpha=3.0))


def broken_shape(delta: Delta) -> Delta:
    return dataclasses.replace(delta, a={m: a[:1] for m, a in delta.a.items()})


def missing_module(delta: Delta) -> Delta:
    return dataclasses.replace(delta, b=dict(list(delta.b.items())[:1]))


def not_a_number(delta: Delta) -> Delta:
    return dataclasses.replace(delta, a={m: a * np.float32("nan") for m, a in delta.a.items()})


def double_precision(delta: Delta) -> Delta:
    wide = {m: a.astype(np.float64) for m, a in delta.a.items()}
    return dataclasses.replace(delta, a=wide)  # type: ignore[arg-type]  # the wrong type is the point


def no_modules(delta: Delta) -> Delta:
    return Delta(dataclasses.replace(delta.manifest, modules=()), {}, {})


def no_json(delta: Delta) -> Delta:
    return dataclasses.replace(delta, manifest=dataclasses.replace(delta.manifest, provenance={"x": {1}}))


@pytest.mark.parametrize(
    ("breaking", "told"),
    [
        (broken_shape, "does not fit rank 2"),
        (missing_module, "disagree about"),
        (not_a_number, "NaN"),
        (double_precision, "float64"),
        (no_modules, "not empty"),
        (no_json, "JSON"),
    ],
)
def test_a_delta_that_contradicts_itself_is_refused_and_nothing_is_stored(
    store: Store, make_delta: Callable[..., Delta], breaking: Callable[[Delta], Delta], told: str
) -> None:
    with pytest.raises(IncompatibleDelta, match=told):
        store.put(breaking(make_delta()))
    assert [p for p in (store.root / "blobs").rglob("*") if p.is_file()] == []


def test_numbers_that_json_cannot_hold_are_refused() -> None:
    with pytest.raises(IncompatibleDelta, match="plain finite JSON"):
        canonical_json({"loss": float("nan")})
