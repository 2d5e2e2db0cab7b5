"""When a canary is promoted or withdrawn: a pure function of policy and evidence.

The simple rule of the first release. Not covered: sequential tests, steps of rising weight, paired replay.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What to do with the canary now."""

    HOLD = "hold"
    PROMOTE = "promote"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class RolloutPolicy:
    """The operator's rule (settings group `rollout`)."""

    weight: float = 0.2
    """Share of users that meet a canary, 0 to 1."""
    auto_promote: bool = True
    promote_after_seconds: float = 20.0
    min_canary_turns: int = 0
    max_failed_turns: int = 0
    """Canary answers that may fail before it is withdrawn."""
    max_thumbs_down: int = 2
    """Distinct users that may object before it is withdrawn."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a canary."""

    age_seconds: float
    canary_turns: int = 0
    failed_turns: int = 0
    thumbs_down_users: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do and why, in words that stand in the audit."""

    action: Action
    reason: str


def decide(policy: RolloutPolicy, evidence: Evidence) -> Decision:
    """The rule, harm first. The same inputs always give the same decision."""
    if evidence.failed_turns > policy.max_failed_turns:
        return Decision(Action.ABORT, f"{evidence.failed_turns} answers of the canary failed")
    if evidence.thumbs_down_users > policy.max_thumbs_down:
        return Decision(Action.ABORT, f"{evidence.thumbs_down_users} users objected to the canary's answers")
    if not policy.auto_promote:
        return Decision(Action.HOLD, "waits for an operator: POST /v1/rollout/promote")
    left = policy.promote_after_seconds - evidence.age_seconds
    if left > 0:
        return Decision(Action.HOLD, f"{left:.0f} s of watching left")
    missing = policy.min_canary_turns - evidence.canary_turns
    if missing > 0:
        return Decision(Action.HOLD, f"{missing} more canary answers needed")
    return Decision(
        Action.PROMOTE,
        f"{evidence.age_seconds:.0f} s and {evidence.canary_turns} canary answers without an incident",
    )
