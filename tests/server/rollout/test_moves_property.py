"""A thousand random sequences of moves: refs whole, one mover, the audit unbroken, the same bits again.

Homes that are copied from one with a past live through fifty sequences each: what one leaves is what the next
one finds. Bits are hashes here (of the composed files, and the fake engine's over the bytes that it loaded);
tests/flows/test_moves_bits.py has the logits of a real model.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.engine.fake import FakeEngine
from server.engine.fake_script import loop_script
from server.engine.types import Engine
from server.rollout import fleet
from tests.support.moves import Clock, Life, template
from tests.support.served import SHAPE

HOMES, SEQUENCES, LONGEST = 20, 50, 3


async def _fake() -> Engine:
    engine = FakeEngine(loop_script)
    await engine.start()
    return engine


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("past")
    with asyncio.Runner() as runner:
        runner.run(template(home, runner.run(_fake()), SHAPE))
    return home


@pytest.fixture
def home(past: Path, tmp_path: Path) -> Iterator[Path]:
    """In memory where the system has such a folder: that a disk keeps what was synced is tested elsewhere."""
    memory = Path("/dev/shm")
    home = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else tmp_path))
    shutil.copytree(past, home, dirs_exist_ok=True)
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.mark.parametrize("seed", range(HOMES))
def test_fifty_random_sequences_of_moves_keep_every_promise(
    seed: int, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "SETTLE_SECONDS", 0.0)
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    with asyncio.Runner() as runner:
        runner.run(Life(seed, home, clock, _fake, SHAPE).run(SEQUENCES, LONGEST))
