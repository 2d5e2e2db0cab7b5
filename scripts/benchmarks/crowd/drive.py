"""One rollout over synthetic users, decided by the server's own router, tally and rule.

Time is simulated. The rule is asked whenever something changed that can withdraw the canary or let it go on,
so this is what peeking at every turn gives: between two such changes it can only say the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scripts.benchmarks.crowd.people import KINDS, People, Turns
from server.ledger.tally import Signal, Tally
from server.rollout.anytime import Pairs
from server.rollout.rule import decide
from server.rollout.types import ANY, Action, Evidence, RolloutPolicy, Stage
from server.router import BUCKETS, bucket, choose
from server.types import Arm, Refs, Rollout

REPLAYS_PER_HOUR = 300
REPLAYS = 3000
"""Stored turns that there are to replay."""
MOST_HOURS = 72.0
ENOUGH = 5
"""Pairs in which the versions agree are looked at so many at a time: they can only let it go on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a rollout ended."""

    action: str
    """promote, reject, rollback, revert; hold when it was undecided at the end."""
    cause: str
    hours: float
    exposed: float
    """Share of all users that the canary ever answered."""
    weight: float
    """The share of users that it was shown to at the end."""


class Drive:
    """A rollout under way."""

    def __init__(self, people: People, policy: RolloutPolicy, salt: str) -> None:
        self._people = people
        self._policy = policy
        users = people.crowd.users
        self._rollout = Rollout("r", "v1", salt, 0.0, "shadow", 0.0, coin=policy.coin)
        self._buckets = np.array([bucket(salt, str(user)) for user in range(users)])
        self._talks = np.zeros(users, dtype=np.int64)
        self._met = np.zeros(users, dtype=np.bool_)
        self._seen = np.full(users, -1.0)
        self._tally = Tally()
        self._pairs = [0, 0, 0]
        self._stage: Stage = "shadow"
        self._step_at = 0.0
        self._conversations = 0

    def run(self) -> Outcome:
        """Until it is decided, or MOST_HOURS have passed."""
        now, action, cause = 0.0, Action.HOLD, ""
        while now < MOST_HOURS and action not in (Action.PROMOTE, *_ENDS):
            until = min(MOST_HOURS, self._timer(now))
            now, action, cause = self._stretch(now, until)
            if action is Action.ADVANCE:
                self._advance(now)
        return Outcome(action.value, cause, now, float(self._met.mean()), self._rollout.weight)

    def _timer(self, now: float) -> float:
        """When time alone may change the decision: the dwell, else a quarter of an hour later."""
        policy = self._policy
        dwell = policy.bake_seconds if self._stage == "bake" else policy.dwell_seconds
        ends = self._step_at + dwell / 3600
        return ends if ends > now else now + 0.25

    def _stretch(self, start: float, end: float) -> tuple[float, Action, str]:
        """Live through a stretch at one weight; leaves it at the first decision that is not to hold."""
        turns = self._people.turns(start, end - start)
        arms, chances = self._arms(turns)
        people, user = self._people, turns.user
        risk = np.where(arms, people.risk_on_canary[user], people.risk[user])
        bad = turns.luck < risk
        fresh = self._fresh(turns)
        pairs, pair_at = self._replays(start, end)
        looked = np.flatnonzero(bad | fresh | (arms & turns.begins))
        moments = [(float(turns.at[i]), 0, int(i)) for i in looked]
        moments += [(float(at), 1, int(d)) for at, d in zip(pair_at, pairs, strict=True)]
        agreed = 0
        for at, is_pair, what in sorted(moments):
            if is_pair:
                self._pairs[what + 1] += 1
                agreed += what == 0
                changed = what != 0 or agreed % ENOUGH == 0
            else:
                changed = self._happened(turns, what, bool(arms[what]), float(chances[what]), bool(bad[what]))
            if changed:
                decision = decide(self._policy, self._evidence(at))
                if decision.action is not Action.HOLD:
                    self._expose(turns, arms, at)
                    return at, decision.action, decision.cause
        self._expose(turns, arms, end)
        decision = decide(self._policy, self._evidence(end))
        return end, decision.action, decision.cause

    def _arms(self, turns: Turns) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """By turn, whether the canary answers, and the chance with which that was drawn."""
        shown = self._rollout.weight if self._stage != "shadow" else 0.0
        sliced = self._buckets[turns.user] < round(shown * BUCKETS)
        if not self._rollout.coin or self._stage != "canary":
            return sliced, np.full(len(turns.user), shown)
        refs = Refs("v0", "v1")
        chosen = []
        for user, begins in zip(turns.user.tolist(), turns.begins.tolist(), strict=True):
            self._talks[user] += begins
            chosen.append(choose(str(user), refs, self._rollout, str(self._talks[user])))
        arms = np.array([one.arm is Arm.CANARY for one in chosen], dtype=np.bool_)
        return arms, np.array([one.chance for one in chosen])

    def _fresh(self, turns: Turns) -> NDArray[np.bool_]:
        """The first turn of each user at this weight."""
        first = np.zeros(len(turns.user), dtype=np.bool_)
        users, at = np.unique(turns.user, return_index=True)
        first[at[self._seen[users] < self._rollout.weight]] = True
        self._seen[users] = self._rollout.weight
        return first

    def _replays(self, start: float, end: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        if not self._policy.replay:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        left = REPLAYS - sum(self._pairs)
        n = min(left, round((end - start) * REPLAYS_PER_HOUR))
        at = start + (np.arange(n) + 1) / max(1, n) * (end - start)
        return self._people.replayed(n), at

    def _happened(self, turns: Turns, index: int, canary: bool, chance: float, bad: bool) -> bool:
        """Count what a turn tells; whether that may change the decision."""
        user = str(turns.user[index])
        unit = f"{user}:{self._talks[turns.user[index]]}" if self._rollout.coin else user
        changed = False
        if canary and turns.begins[index]:
            self._conversations += 1
            changed = self._conversations == self._policy.min_conversations
        self._tally.count(Signal("met", user, canary, chance))
        if bad:
            changed |= self._tally.count(Signal(ANY, unit, canary, chance))
            changed |= self._tally.count(Signal(KINDS[turns.kind[index]], unit, canary, chance))
        return changed

    def _expose(self, turns: Turns, arms: NDArray[np.bool_], until: float) -> None:
        self._met[turns.user[arms & (turns.at <= until)]] = True

    def _evidence(self, now: float) -> Evidence:
        return Evidence(
            age_seconds=now * 3600,
            stage=self._stage,
            weight=self._rollout.weight,
            step_seconds=(now - self._step_at) * 3600 + 1e-6,
            conversations=self._conversations,
            known_users=self._people.crowd.users,
            met=() if self._rollout.coin else self._tally.splits("met"),
            guards={name: self._tally.splits(name) for name in self._tally.metrics if name != "met"},
            replay=Pairs(*self._pairs),
        )

    def _advance(self, now: float) -> None:
        weight = self._policy.next_weight(self._rollout.weight)
        self._stage = "canary" if weight is not None else "bake"
        self._rollout = replace(self._rollout, weight=weight or self._rollout.weight, state=self._stage)
        self._step_at, self._conversations = now, 0


_ENDS = (Action.REJECT, Action.ROLLBACK, Action.REVERT)
