"""A ledger on a clock that the test moves, and makers of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from server.ledger import Claim, Ledger
from server.types import (
    Arm,
    EditState,
    Example,
    Message,
    SelfEdit,
    Turn,
    TurnState,
    UpdateState,
    VersionRow,
)


@dataclass
class Clock:
    """Seconds that pass when told to."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def make_turn(turn_id: str, **changes: object) -> Turn:
    turn = Turn(
        id=turn_id,
        created_at=1_000.0,
        user="ann",
        key_name="",
        operator=True,
        conversation="c1",
        messages=(Message("system", "Be kind."), Message("user", "The port is 8443.")),
        answer="Noted.",
        version="v0",
        arm=Arm.STABLE,
        rollout=None,
        state=TurnState.LEARNABLE,
        request_hash=f"hash of {turn_id}",
    )
    return replace(turn, **changes)  # type: ignore[arg-type]  # tests name real fields


def make_edit(edit_id: str, turn_id: str, state: EditState = EditState.ALLOWED, reason: str = "") -> SelfEdit:
    return SelfEdit(
        id=edit_id,
        turn_id=turn_id,
        user="ann",
        statement="The port is 8443.",
        span=(0, 17),
        value="8443",
        subject="the port",
        examples=(
            Example("question", "What is the port?", "The port is 8443."),
            Example("question", "Tell me the port.", "8443.", held_out=True),
        ),
        state=state,
        reason=reason,
    )


VERDICTS = ({"decision": "allow", "findings": []}, {"decision": "allow", "findings": []})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
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


def make_version(name: str, deltas: tuple[str, ...], parent: str = "v0") -> VersionRow:
    return VersionRow(name, f"digest of {name}", deltas, parent, 1_000.0, {"accepted": True})
