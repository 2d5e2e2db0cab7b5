"""What an answered turn tells of the version that answered: the live guardrails, read from the ledger. Pure.

Every sign is read the same way on both arms, so that a clumsy reading costs power and never fairness. What a
later message says of an earlier answer (asked again, rewritten) counts for the turn that gave that answer.
Not covered: languages other than English for refusals.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from server.ledger.evidence import conversation_of, unit_name
from server.ledger.shown import Shown, shown
from server.ledger.tally import Signal
from server.rollout.types import ANY
from server.types import ABSTENTION, Arm, Rollout, Turn, TurnState

MET, KNOWN = "met", "known"
AGAIN = {Shown.REGENERATED: "reasked", Shown.REASKED: "reasked", Shown.REWRITTEN: "edited"}
"""The guardrail that each sign counts for."""
BINS_PER_DOUBLING = 4
SLOW_SHARE = 0.95
SLOW_FEWEST = 40
"""Answers of stable before slowness can be told."""
_REFUSAL = re.compile(
    r"\s*(?:i(?:'m| am) (?:very |so )?sorry|sorry\b|unfortunately,? i\b|i apologi[sz]e"
    r"|i can(?:not|'t) (?:help|assist|do|give|answer|provide)|i(?:'m| am) (?:not able|unable)"
    r"|i won't|as an ai\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Looked:
    """What the guardian sees in an answer."""

    flagged: bool
    critical: bool = False
    """In a category of which one answer is enough."""


def refused(answer: str) -> bool:
    """Whether an answer declines, says that it does not know, or says nothing."""
    return not answer.strip() or answer.startswith(ABSTENTION) or _REFUSAL.match(answer) is not None


def of_turn(
    rollout: Rollout, turn: Turn, before: Turn | None, flagged: bool, slow_from: int | None
) -> list[Signal]:
    """The signs of one turn, and what it says of the one before it."""
    found = {
        "failed": turn.state is TurnState.FAILED,
        "flagged": flagged,
        "refused": turn.state is not TurnState.FAILED and bool(turn.messages) and refused(turn.answer),
        "slow": slow_from is not None and bin_of(turn.first_token_seconds) > slow_from,
    }
    signals = bad(rollout, turn, [name for name, is_so in found.items() if is_so])
    if before is not None and before.rollout == rollout.id:
        said = {AGAIN[one] for one in shown(before, turn)}
        signals += bad(rollout, before, sorted(said))
    return signals


def bad(rollout: Rollout, turn: Turn, names: Sequence[str]) -> list[Signal]:
    """Bad events of a turn's unit, each by itself and as the first of any kind."""
    return [_signal(rollout, turn, name) for name in (*names, *([ANY] if names else []))]


def met(rollout: Rollout, turn: Turn, enough_talks: bool) -> list[Signal]:
    """That a unit was met, a user is known, and the canary has a conversation in this step."""
    canary = turn.arm is Arm.CANARY
    signals = [
        _signal(rollout, turn, MET),
        Signal(KNOWN, unit_name(rollout.salt, turn.user), True, 1.0),
    ]
    if canary and not enough_talks:
        talk = unit_name(rollout.salt, conversation_of(turn.user, turn.conversation))
        signals.append(Signal(talks(rollout), talk, True, 1.0))
    return signals


def talks(rollout: Rollout) -> str:
    """The metric under which this step's conversations are counted."""
    return f"talks since {rollout.step_at:.3f}"


def _signal(rollout: Rollout, turn: Turn, metric: str) -> Signal:
    tossed = rollout.coin and turn.chance == rollout.coin
    unit = conversation_of(turn.user, turn.conversation) if tossed else turn.user
    return Signal(metric, unit_name(rollout.salt, unit), turn.arm is Arm.CANARY, turn.chance)


def bin_of(seconds: float | None) -> int:
    """The bin of a time to the first token; each is a quarter of a doubling wide. -1000: unknown."""
    if seconds is None or seconds <= 0:
        return -1000
    return math.floor(math.log2(seconds) * BINS_PER_DOUBLING)


def slow_from(stable: dict[str, int]) -> int | None:
    """The bin above which an answer is slower than 95 % of stable's; None while too few are known."""
    total = sum(stable.values())
    if total < SLOW_FEWEST:
        return None
    below = 0
    for number in sorted(int(key) for key in stable):
        below += stable[str(number)]
        if below >= SLOW_SHARE * total:
            return number
    return None
