"""Makers of small deltas with seeded numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adapter_store import Delta, Manifest, Store

BASE = "b" * 64
Q0 = "model.layers.0.self_attn.q_proj"
D1 = "model.layers.1.mlp.down_proj"
SHAPES = {Q0: (32, 32), D1: (32, 48)}
"""(out, in) of the modules of the tiny model in test_compose."""

MakeDelta = Callable[..., Delta]


def make_delta_of(
    modules: tuple[str, ...] = (Q0, D1),
    rank: int = 2,
    alpha: float = 3.0,
    seed: int = 0,
    base: str = BASE,
    provenance: dict[str, object] | None = None,
) -> Delta:
    rng = np.random.default_rng(seed)
    return Delta(
        Manifest(base, "tiny", rank, alpha, tuple(sorted(modules)), provenance or {"seed": seed}),
        {m: rng.normal(size=(rank, SHAPES[m][1])).astype(np.float32) for m in modules},
        {m: rng.normal(size=(SHAPES[m][0], rank)).astype(np.float32) for m in modules},
    )


@pytest.fixture
def make_delta() -> MakeDelta:
    return make_delta_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")
