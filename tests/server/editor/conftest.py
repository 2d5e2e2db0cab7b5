"""A scripted model, a real guardian, and a real ledger."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from guardian import Guardian, Policy
from server.engine.fake import FakeEngine
from server.ledger import Ledger
from server.types import Message, Turn
from tests.support.editor import good_writer
from tests.support.rows import Clock, make_turn


@pytest.fixture
def told() -> Callable[..., Turn]:
    """A turn in which the user says something."""

    def make(text: str, turn_id: str = "t1", **changes: object) -> Turn:
        return make_turn(turn_id, messages=(Message("user", text),), **changes)

    return make


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    fake = FakeEngine(good_writer)
    await fake.start()
    yield fake
    await fake.close()


@pytest.fixture(scope="session")
def guardian() -> Guardian:
    return Guardian(Policy())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger just made: copying it is quicker than migrating one for every test."""
    home = tmp_path_factory.mktemp("empty")
    Ledger.open(home).close()
    return home / "ledger.db"


@pytest.fixture
def ledger(empty: Path, tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    shutil.copy(empty, tmp_path)
    opened = Ledger.open(tmp_path, clock)
    yield opened
    opened.close()
