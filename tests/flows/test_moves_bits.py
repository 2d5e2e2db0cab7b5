"""Random sequences of moves over a real model: a version has the same logits whenever it is named.

A sample of what tests/server/rollout/test_moves_property.py does with hashes: two processes' worth of ledger,
fleet and moves, an embedded engine in each.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from server.engine.embedded import EmbeddedEngine
from server.engine.models import resolve
from server.engine.types import Engine
from server.rollout import fleet
from tests.support.moves import Clock, Life, template

pytestmark = pytest.mark.seedling
SHAPE = (512, 192)
HOMES, SEQUENCES, LONGEST = 1, 12, 4


async def test_any_moves_bring_back_the_same_logits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "SETTLE_SECONDS", 0.0)
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    folder = await asyncio.to_thread(resolve, "seedling", tmp_path)

    async def make() -> Engine:
        engine = EmbeddedEngine(folder.path, folder.name, base_digest=folder.digest, max_batch=2, threads=1)
        await engine.start()
        return engine

    past = tmp_path / "past"
    past.mkdir()
    await template(past, await make(), SHAPE)
    for seed in range(HOMES):
        clock.offset_seconds = 0.0
        home = tmp_path / f"home-{seed}"
        shutil.copytree(past, home)
        await Life(seed, home, clock, make, SHAPE).run(SEQUENCES, LONGEST)
