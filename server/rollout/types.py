"""The rollout's own words: the policy, what is known of a canary, what is decided. Read this first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from server.ledger.tally import Split
from server.rollout.anytime import Pairs

Mode = Literal["quick", "evidence"]
Stage = Literal["shadow", "canary", "bake"]

GUARDS = ("flagged", "thumbs_down", "reasked", "edited", "refused", "slow", "failed")
"""What may happen to a user, each looked at by itself."""
NO_PAIRS = Pairs()
ANY = "any"
"""The first of all these: where harm is spread over several, it shows here first."""


@dataclass(frozen=True, slots=True)
class RolloutPolicy:
    """The operator's rule (settings group `rollout`)."""

    weight: float = 0.2
    """Quick: share of users that meet a canary, 0 to 1."""
    auto_promote: bool = True
    promote_after_seconds: float = 20.0
    min_canary_turns: int = 0
    max_failed_turns: int = 0
    """Quick: canary answers that may fail before it is withdrawn."""
    max_thumbs_down: int = 2
    """Quick: distinct users that may object before it is withdrawn."""
    mode: Mode = "quick"
    """`quick`: one step, time and counts. `evidence`: steps, and tests."""
    steps: tuple[float, ...] = (0.05, 0.2, 0.5, 1.0)
    """Shares of users, rising to 1."""
    dwell_seconds: float = 1800.0
    """How long each step lasts at least, shadow included."""
    min_conversations: int = 20
    """New conversations that the canary must have answered in a step."""
    deadline_seconds: float = 86_400.0
    """After twice as long without that, the version goes back to the queue without a verdict. There it waits
    as long, and twice as long after each further time."""
    bake_seconds: float = 3600.0
    """How long the canary serves everybody before it becomes stable."""
    coin: float = 0.0
    """Share of a slice user's conversations that the canary answers; 0: all of them."""
    replay: bool = True
    """Whether stored turns must be replayed through both versions before anybody meets the canary."""
    margin: float = 0.05
    """How much worse than stable counts as the same: better less worse answers, 0 to 1."""
    alpha: float = 0.05
    """How often a harmless canary may be withdrawn, all tests together."""
    watch: float = 3.0
    """The e-value of a guardrail from which the weight is not raised."""
    mismatch_alpha: float = 0.001
    """How often a sound split may be taken for a broken one."""
    failed_share: float = 0.02
    """Error budget: the share of recent canary answers that may fail."""
    failed_of: int = 20
    """How many recent answers there must be to say so."""
    drift_limit_nats: float = 2.0
    """Divergence from stable, nats a token, let pass until good versions show what is usual; 0: any."""

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.steps, self.steps[1:], strict=False))
        if not self.steps or not rising or self.steps[0] <= 0 or self.steps[-1] != 1:
            raise ValueError(f"steps {self.steps} must rise from above 0 to 1, such as 0.05, 0.2, 0.5, 1")

    def next_weight(self, weight: float) -> float | None:
        """The step after this weight; None when everybody meets the canary already."""
        return next((step for step in self.steps if step > weight), None)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a canary: counts only, so that a decision can be made again from it."""

    age_seconds: float
    """How long it has been watched as it is shown now."""
    canary_turns: int = 0
    failed_turns: int = 0
    thumbs_down_users: int = 0
    stage: Stage = "canary"
    weight: float = 1.0
    step_seconds: float = 0.0
    """How long it has been at this weight."""
    conversations: int = 0
    """New conversations that the canary answered since."""
    known_users: int = 0
    """Users met since the rollout began that can be told apart."""
    unknown_turns: int = 0
    """Turns since then of users who cannot."""
    met: tuple[Split, ...] = ()
    """All units met, whatever happened to them."""
    guards: Mapping[str, tuple[Split, ...]] = field(default_factory=dict)
    """By guardrail, the units to which it happened."""
    probes: Pairs = NO_PAIRS
    """Questions on what stable knows."""
    replay: Pairs = NO_PAIRS
    """Stored turns, answered by both versions."""
    target: Pairs | None = None
    """Questions on what the canary has learned; None when it learned no facts."""
    drift_nats: float | None = None
    """Divergence of the canary from stable on stable's own answers, nats a token; None: not measured."""
    drift_limit_nats: float = 0.0
    """The most that is let pass; 0: no limit."""
    recent_turns: int = 0
    recent_failed: int = 0
    """Of the canary's answers in the last five minutes."""
    trips: tuple[str, ...] = ()
    """Single events that are enough, in words."""
    gaps: tuple[str, ...] = ()
    """What should have been measured and was not, in words."""

    @property
    def paired(self) -> Pairs:
        """All pairs that must not be worse."""
        return self.probes + self.replay


class Action(StrEnum):
    """What to do with the canary now."""

    HOLD = "hold"
    ADVANCE = "advance"
    """Show it to more users, or begin the bake."""
    PROMOTE = "promote"
    REJECT = "reject"
    """Withdraw it before any user met it."""
    ROLLBACK = "rollback"
    REVERT = "revert"
    """Withdraw it without a verdict: it waits for its turn again."""


Cause = Literal[
    "tripwire", "guardrail", "paired", "drift", "exposure", "dwell", "watch", "mismatch", "gap",
    "unknown_users", "target", "operator", "passed",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do and why, in words that stand in the audit."""

    action: Action
    reason: str
    cause: Cause = "passed"
