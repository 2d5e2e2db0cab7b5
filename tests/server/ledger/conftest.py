"""A ledger on a clock that the test moves."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.ledger import Claim, Ledger
from server.types import UpdateState
from tests.support.rows import VERDICTS, Clock, make_edit, make_turn, make_version


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


@pytest.fixture
def learned(ledger: Ledger) -> Callable[[str], None]:
    """Adds a turn, writes one edit named after it and leaves it ALLOWED."""

    def add(name: str) -> None:
        ledger.add_turn(make_turn(f"t-{name}"), True)
        job = ledger.claim_job("edit", "editor", 60.0)
        assert job is not None
        ledger.finish_edit_job(job, [(make_edit(f"e-{name}", f"t-{name}"), VERDICTS)])

    return add


@pytest.fixture
def train(ledger: Ledger) -> Callable[[str, str], Claim]:
    """Runs an accepted update over all waiting edits that records a version with one new delta."""

    def run(version: str, parent: str = "v0") -> Claim:
        claim = ledger.claim_edits("learner", 60.0, 100)
        assert claim is not None
        before = ledger.version(parent).deltas if parent != "v0" else ()
        ledger.finish_update(
            claim,
            UpdateState.ACCEPTED,
            "all checks held",
            make_version(version, (*before, f"delta of {version}"), parent),
            learned=[edit.id for edit in claim.edits],
        )
        return claim

    return run
