"""Makers of ledger rows, and a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, replace

from server.types import Arm, EditState, Example, Message, SelfEdit, Turn, TurnState, VersionRow


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


def make_version(name: str, deltas: tuple[str, ...], parent: str = "v0") -> VersionRow:
    return VersionRow(name, f"digest of {name}", deltas, parent, 1_000.0, {"accepted": True})
