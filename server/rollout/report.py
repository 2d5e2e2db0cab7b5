"""A rollout as operators see it: weights, arms, units, e-values, confidence sequences, why it holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from server.ledger.evidence import Counted, Decided
from server.rollout import anytime
from server.rollout.anytime import Pairs
from server.rollout.gather import evidence
from server.rollout.rule import decide, guard_value, guard_values, pause_left
from server.rollout.types import Evidence, RolloutPolicy
from server.types import Rollout

MOST = 1e9
"""What a larger e-value is told as: JSON has no infinity."""


def report(
    policy: RolloutPolicy,
    rollout: Rollout,
    stored: Counted,
    met: tuple[int, int],
    decisions: Sequence[Decided],
    now: float,
) -> dict[str, Any]:
    """`met`: users met on the canary, and all who were met and can be told apart."""
    found = evidence(policy, rollout, stored, now)
    decision = decide(policy, found)
    return {
        "mode": policy.mode,
        "steps": [rollout.weight] if policy.mode == "quick" else list(policy.steps),
        "real_weight": round(met[0] / met[1], 4) if met[1] else None,
        "units": _units(policy, found, met),
        "guardrails": _guardrails(policy, found),
        "paired": {
            "all": _paired(policy, found.paired),
            "probes": _paired(policy, found.probes),
            "replay": _paired(policy, found.replay),
            "target": _paired(policy, found.target) if found.target is not None else None,
        },
        "drift": {"nats": found.drift_nats, "limit_nats": found.drift_limit_nats},
        "mismatch_e_value": _told(anytime.skewed(found.met)),
        "seconds_in_step": round(found.step_seconds, 1),
        "seconds_left": round(_left(policy, found), 1),
        "decision": {"action": decision.action.value, "cause": decision.cause, "reason": decision.reason},
        "decisions": [
            {"at": one.at, "action": one.action, "cause": one.cause, "reason": one.reason}
            for one in decisions
        ],
    }


def waits(policy: RolloutPolicy, version: str, ended: Sequence[float], now: float) -> str:
    """Why a version that is next is not shown, '' when it will be at once. `ended`: see `rule.pause_left`."""
    left = pause_left(policy, ended, now)
    if not left:
        return ""
    times = "once" if len(ended) == 1 else f"{len(ended)} times"
    return (
        f"{version} was shown {times} without a verdict, for want of traffic, and waits {left:.0f} s before "
        f"it is shown again; `livegraft rollback --to {version}` serves it at once"
    )


def _units(policy: RolloutPolicy, found: Evidence, met: tuple[int, int]) -> dict[str, Any]:
    return {
        "kind": "conversation" if policy.mode == "evidence" and policy.coin else "user",
        "users": met[1],
        "users_on_canary": met[0],
        "unknown_turns": found.unknown_turns,
        "conversations_in_step": found.conversations,
        "conversations_needed": policy.min_conversations if policy.mode == "evidence" else 0,
    }


def _guardrails(policy: RolloutPolicy, found: Evidence) -> dict[str, Any]:
    values = guard_values(found)
    each = {
        name: {
            "e_value": _told(values[name]),
            "canary": sum(split.canary for split in splits),
            "stable": sum(split.control for split in splits),
        }
        for name, splits in found.guards.items()
        if name in values
    }
    return {
        "e_value": _told(guard_value(values)),
        "watched_from": policy.watch,
        "withdrawn_from": 2 / policy.alpha,
        "each": each,
    }


def _paired(policy: RolloutPolicy, pairs: Pairs) -> dict[str, Any]:
    lower, upper = anytime.interval(pairs, policy.alpha)
    return {
        "worse": pairs.worse,
        "same": pairs.same,
        "better": pairs.better,
        "mean": round(pairs.mean, 4),
        "lower": round(lower, 4),
        "upper": round(upper, 4),
        "e_value": _told(anytime.sign(pairs)),
    }


def _left(policy: RolloutPolicy, found: Evidence) -> float:
    """Seconds of watching that are left, whatever else is missing."""
    if policy.mode == "quick":
        return max(0.0, policy.promote_after_seconds - found.age_seconds)
    needed = policy.bake_seconds if found.stage == "bake" else policy.dwell_seconds
    return max(0.0, needed - found.step_seconds)


def _told(e_value: float) -> float:
    return round(min(e_value, MOST), 4)
