"""Keeps a rollout's evidence up to date, and puts it together for the rule.

Each step reads what lies beyond the ledger's marks, a few hundred turns at most, says what it tells, and
stores the counts. The rule then reads counts only: a decision costs the same after ten turns and a million.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from server.ledger import Ledger
from server.ledger.evidence import Counted, News
from server.ledger.tally import Signal
from server.rollout import signals
from server.rollout.anytime import Pairs
from server.rollout.signals import KNOWN, MET, Looked
from server.rollout.types import ANY, GUARDS, Evidence, RolloutPolicy, Stage
from server.types import Arm, Rollout, Turn, TurnState

log = logging.getLogger("livegraft.rollout")
Look = Callable[[Sequence[str]], list[Looked]]
"""What the guardian sees in texts; called in a thread. Whatever it raises is a gap in the evidence."""
RECENT_MINUTES = 5
TURNS_A_STEP = 500


class Gather:
    """Counts for one ledger."""

    def __init__(self, ledger: Ledger, policy: RolloutPolicy, look: Look | None = None) -> None:
        self._ledger = ledger
        self._policy = policy
        self._look = look

    async def step(self, rollout: Rollout) -> Counted:
        """Count what is new; the evidence as stored then. Raises RefMoved when another process counted."""
        since = await asyncio.to_thread(self._ledger.rollout_evidence, rollout.id)
        found = await asyncio.to_thread(self._ledger.rollout_news, rollout, since, TURNS_A_STEP)
        if (found.turn_mark, found.feedback_mark) == (since.turn_mark, since.feedback_mark):
            return since
        told, state = await asyncio.to_thread(self._read, rollout, since, found)
        return await self._ledger.call(self._ledger.count_rollout, rollout, since, found, told, state)

    async def keep(self, rollout: Rollout, since: Counted, state: dict[str, Any]) -> Counted:
        """Store what was measured beside the turns. Raises RefMoved when another process counted."""
        nothing = News((), (), since.turn_mark, since.feedback_mark)
        return await self._ledger.call(self._ledger.count_rollout, rollout, since, nothing, [], state)

    def _read(self, rollout: Rollout, since: Counted, found: News) -> tuple[list[Signal], dict[str, Any]]:
        state = dict(since.state)
        if self._policy.mode == "quick":
            return [], state
        mine = [(turn, before) for turn, before in found.turns if turn.rollout == rollout.id]
        flagged, state["gap"] = self._flagged([turn for turn, _ in mine])
        times = dict(state.get("first_tokens", {}))
        talked = sum(split.canary for split in since.splits.get(signals.talks(rollout), ()))
        told: list[Signal] = []
        for (turn, before), is_flagged in zip(mine, flagged, strict=True):
            told += signals.met(rollout, turn, talked >= self._policy.min_conversations)
            told += signals.of_turn(rollout, turn, before, is_flagged, signals.slow_from(times))
            if turn.arm is Arm.STABLE and turn.first_token_seconds is not None:
                key = str(signals.bin_of(turn.first_token_seconds))
                times[key] = times.get(key, 0) + 1
        for _, turn in found.objections:
            told += signals.bad(rollout, turn, ["thumbs_down"])
        unknown = sum(turn.rollout is None and turn.arm is not Arm.PINNED for turn, _ in found.turns)
        state["unknown_turns"] = state.get("unknown_turns", 0) + unknown
        state["first_tokens"] = times
        state["recent"] = _recent(state.get("recent", []), [turn for turn, _ in mine])
        return told, state

    def _flagged(self, turns: Sequence[Turn]) -> tuple[list[bool], str]:
        """Whether the guardian flags each answer, and why it could not look."""
        if self._look is None or not turns:
            return [False] * len(turns), ""
        try:
            return [one.flagged for one in self._look([turn.answer for turn in turns])], ""
        except Exception as error:  # the scorer's failure is no reason to stop counting the rest
            log.warning("answers could not be looked at: %s", error)
            return [False] * len(turns), f"the guardian could not look at answers: {error}"


def evidence(policy: RolloutPolicy, rollout: Rollout, stored: Counted, now: float | None = None) -> Evidence:
    """What the rule is asked about, from what is stored."""
    now = time.time() if now is None else now
    state, splits = stored.state, stored.splits
    pairs = {name: Pairs(*found) for name, found in state.get("pairs", {}).items()}
    recent = [one for one in state.get("recent", []) if one[0] > now / 60 - RECENT_MINUTES]
    drift = state.get("drift", [])
    stage: Stage = rollout.state if rollout.state in ("shadow", "canary", "bake") else "canary"
    return Evidence(
        age_seconds=max(0.0, now - max(rollout.started_at, rollout.step_at)),
        canary_turns=stored.counts.canary_turns,
        failed_turns=stored.counts.failed_turns,
        thumbs_down_users=stored.counts.thumbs_down_users,
        stage=stage,
        weight=rollout.weight,
        step_seconds=max(0.0, now - rollout.step_at),
        conversations=sum(split.canary for split in splits.get(signals.talks(rollout), ())),
        known_users=sum(split.canary for split in splits.get(KNOWN, ())),
        unknown_turns=state.get("unknown_turns", 0),
        met=splits.get(MET, ()),
        guards={name: splits[name] for name in (*GUARDS, ANY) if name in splits},
        probes=pairs.get("probes", Pairs()),
        replay=pairs.get("replay", Pairs()),
        target=pairs.get("target"),
        drift_nats=sum(drift) / len(drift) if drift and policy.replay else None,
        drift_limit_nats=state.get("drift_limit", policy.drift_limit_nats),
        recent_turns=sum(one[1] for one in recent),
        recent_failed=sum(one[2] for one in recent),
        trips=tuple(state.get("trips", ())),
        gaps=tuple(gap for gap in (state.get("gap", ""), state.get("replay_gap", "")) if gap),
    )


def _recent(before: list[list[int]], turns: Sequence[Turn]) -> list[list[int]]:
    """Answers and failures of the canary by minute, the last few minutes only."""
    minutes = {one[0]: [one[1], one[2]] for one in before}
    for turn in turns:
        if turn.arm is Arm.CANARY:
            counts = minutes.setdefault(int(turn.created_at // 60), [0, 0])
            counts[0] += 1
            counts[1] += turn.state is TurnState.FAILED
    last = max(minutes, default=0)
    return [[m, *counts] for m, counts in sorted(minutes.items()) if m > last - RECENT_MINUTES]
