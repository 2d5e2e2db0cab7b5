"""What becomes of a canary: a pure function of policy and evidence. The same inputs, the same decision.

`evidence` mode is a table, harm first:

    reject     in shadow: a tripwire, drift over its limit, or paired answers surely worse
    rollback   later: a tripwire, a guardrail's e-value over 1/alpha, or paired answers surely worse
    revert     twice the deadline without the minimum of exposure: no verdict
    hold       a gap, a broken split, a guardrail on watch, too little yet, or anything else undecided
    advance    dwell and exposure reached, paired answers surely no worse, no guardrail on watch
    promote    the bake is over and what was learned is surely known better than before

The three tests of harm share `alpha`: half for the guardrails, a quarter each for the two on pairs. The
guardrails' e-values are averaged, which is an e-value whatever links them: half of the weight on the first
bad event of any kind, the rest on each kind by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from server.rollout import anytime
from server.rollout.types import ANY, GUARDS, Action, Decision, Evidence, RolloutPolicy


def decide(policy: RolloutPolicy, evidence: Evidence) -> Decision:
    """The rule, harm first."""
    if policy.mode == "quick":
        return _quick(policy, evidence)
    return _harm(policy, evidence) or _wait(policy, evidence) or _onwards(policy, evidence)


def pause_left(policy: RolloutPolicy, ended: Sequence[float], now: float) -> float:
    """Seconds until a version may be shown again whose rollouts `ended` then, in seconds since the epoch,
    without a verdict; 0: now.

    The first pause is a deadline long, each further one twice the one before: what traffic could not tell
    today it may tell when there is more, and meanwhile nobody meets what nobody can judge. An end that lies
    ahead is of a clock that was set back, and holds nothing up.
    """
    if not ended:
        return 0.0
    pause, passed = policy.deadline_seconds * 2.0 ** (len(ended) - 1), now - max(ended)
    return pause - passed if 0 <= passed < pause else 0.0


def guard_values(evidence: Evidence) -> dict[str, float]:
    """The e-value of each guardrail that anything was counted of."""
    return {name: anytime.harm(splits) for name, splits in evidence.guards.items() if splits}


def guard_value(values: dict[str, float]) -> float:
    """All guardrails as one e-value."""
    each = sum(values.get(name, 1.0) for name in GUARDS) / len(GUARDS)
    return (values.get(ANY, 1.0) + each) / 2


def _harm(policy: RolloutPolicy, evidence: Evidence) -> Decision | None:
    withdraw = Action.REJECT if evidence.stage == "shadow" else Action.ROLLBACK
    if evidence.trips:
        return Decision(withdraw, evidence.trips[0], "tripwire")
    failed, recent = evidence.recent_failed, evidence.recent_turns
    if recent >= policy.failed_of and failed > policy.failed_share * recent:
        return Decision(withdraw, f"{failed} of its last {recent} answers failed", "tripwire")
    drift, limit = evidence.drift_nats, evidence.drift_limit_nats
    if evidence.stage == "shadow" and drift is not None and drift > limit > 0:
        return Decision(withdraw, f"{drift:.3f} nats a token from stable, {limit:.3f} are let pass", "drift")
    values = guard_values(evidence)
    live = guard_value(values)
    if live >= 2 / policy.alpha:
        worst = max(values, key=values.__getitem__)
        return Decision(
            withdraw, f"more users of the canary meet {_words(worst)}: e-value {live:.0f}", "guardrail"
        )
    pairs = evidence.paired
    told = f"{pairs.worse} of {pairs.total} answers worse than stable's, {pairs.better} better"
    if anytime.sign(pairs) >= 4 / policy.alpha:
        return Decision(withdraw, f"{told}: e-value {anytime.sign(pairs):.0f}", "paired")
    if anytime.surely_below(pairs, -policy.margin) >= 4 / policy.alpha:
        return Decision(withdraw, f"{told}: surely more than {policy.margin:g} worse", "paired")
    return None


def _wait(policy: RolloutPolicy, evidence: Evidence) -> Decision | None:
    """Why the weight stays; None when nothing speaks against going on."""
    if not policy.auto_promote:
        return Decision(Action.HOLD, "waits for an operator: POST /v1/rollout/promote", "operator")
    if evidence.gaps:
        return Decision(Action.HOLD, evidence.gaps[0], "gap")
    if anytime.skewed(evidence.met) >= 1 / policy.mismatch_alpha:
        return Decision(Action.HOLD, "users are not split as the weight says: look for the cause", "mismatch")
    watched = {name: e for name, e in guard_values(evidence).items() if e >= policy.watch}
    if watched:
        worst = max(watched, key=watched.__getitem__)
        reason = f"perhaps more users of the canary meet {_words(worst)}: e-value {watched[worst]:.1f}"
        return Decision(Action.HOLD, f"{reason}, watched", "watch")
    if evidence.stage == "shadow" and evidence.unknown_turns and not evidence.known_users:
        return Decision(
            Action.HOLD,
            "users cannot be told apart here, so that none can be a slice: it stays in shadow. Name users in "
            "`user`, give each a key, or promote it yourself: POST /v1/rollout/promote",
            "unknown_users",
        )
    left = (policy.bake_seconds if evidence.stage == "bake" else policy.dwell_seconds) - evidence.step_seconds
    if left > 0:
        return Decision(Action.HOLD, f"{left:.0f} s of watching left", "dwell")
    return _missing(policy, evidence)


def _missing(policy: RolloutPolicy, evidence: Evidence) -> Decision | None:
    """What exposure is missing; after twice the deadline the version goes back to the queue."""
    missing, cause = "", "exposure"
    fewer = policy.min_conversations - evidence.conversations
    if evidence.stage == "canary" and fewer > 0:
        missing = f"{fewer} more conversations with the canary needed"
    elif policy.replay and anytime.surely_above(evidence.paired, -policy.margin) < 1 / policy.alpha:
        missing = f"{evidence.paired.total} paired answers do not say yet that it is no worse"
        cause = "paired"
    if not missing:
        return None
    late = evidence.step_seconds >= 2 * policy.deadline_seconds
    if late and (cause == "exposure" or evidence.stage == "shadow"):
        return Decision(Action.REVERT, f"{missing}, and the deadline passed twice: no verdict", "exposure")
    return Decision(Action.HOLD, missing, "paired" if cause == "paired" else "exposure")


def _onwards(policy: RolloutPolicy, evidence: Evidence) -> Decision:
    if evidence.stage == "shadow":
        return Decision(Action.ADVANCE, f"no worse than stable in {evidence.paired.total} pairs")
    told = f"{evidence.conversations} new conversations without an incident"
    if evidence.stage == "canary":
        return Decision(Action.ADVANCE, told)
    if evidence.target is not None and anytime.surely_above(evidence.target, 0.0) < 1 / policy.alpha:
        asked = evidence.target
        known = f"better in {asked.better} and worse in {asked.worse} of {asked.total}"
        return Decision(
            Action.HOLD,
            f"what it learned is not surely known better ({known}): POST /v1/rollout/promote decides",
            "target",
        )
    return Decision(Action.PROMOTE, f"all steps passed; {told}")


def _quick(policy: RolloutPolicy, evidence: Evidence) -> Decision:
    """One step for small installations: time and counts."""
    if evidence.failed_turns > policy.max_failed_turns:
        return Decision(Action.ROLLBACK, f"{evidence.failed_turns} answers of the canary failed", "tripwire")
    if evidence.thumbs_down_users > policy.max_thumbs_down:
        users = evidence.thumbs_down_users
        return Decision(Action.ROLLBACK, f"{users} users objected to the canary's answers", "guardrail")
    if not policy.auto_promote:
        return Decision(Action.HOLD, "waits for an operator: POST /v1/rollout/promote", "operator")
    left = policy.promote_after_seconds - evidence.age_seconds
    if left > 0:
        return Decision(Action.HOLD, f"{left:.0f} s of watching left", "dwell")
    missing = policy.min_canary_turns - evidence.canary_turns
    if missing > 0:
        return Decision(Action.HOLD, f"{missing} more canary answers needed", "exposure")
    return Decision(
        Action.PROMOTE,
        f"{evidence.age_seconds:.0f} s and {evidence.canary_turns} canary answers without an incident",
    )


def _words(guard: str) -> str:
    return {
        ANY: "something bad",
        "flagged": "answers that the guardian flags",
        "thumbs_down": "answers they object to",
        "reasked": "answers after which they ask again",
        "edited": "answers that they rewrite",
        "refused": "refusals",
        "slow": "slow answers",
        "failed": "failures",
    }.get(guard, guard)
