"""The rollout's loop: shows accepted versions to a slice of users and applies the rule to what happens.

One `step` is cheap and idempotent; whoever holds the lease steps, everybody else only follows the refs.
"""

from __future__ import annotations

import asyncio
import logging
import time

from adapter_store import CorruptBlob, IncompatibleDelta, UnknownDelta
from server.engine.types import BadAdapter, EngineDead
from server.ledger import Ledger, RefMoved
from server.ledger.evidence import Counted
from server.rollout.clock import JUMP_SECONDS, Jumps
from server.rollout.fleet import Fleet
from server.rollout.gather import Gather, Look, evidence
from server.rollout.moves import Moves, NothingToMove
from server.rollout.record import decided
from server.rollout.replay import Replay, drift_limit
from server.rollout.rule import decide, pause_left
from server.rollout.types import Action, Decision, Evidence, RolloutPolicy
from server.types import Rollout, VersionRow

log = logging.getLogger("livegraft.rollout")
LEASE_SECONDS = 10.0
ACTOR = "rollout"
NEVER_SHOWN = (CorruptBlob, UnknownDelta, IncompatibleDelta, BadAdapter)
"""A candidate that cannot be loaded for one of these is no better tomorrow, and others wait behind it."""


class RolloutLoop:
    """Steps the rollout of this ledger; any number may run, one at a time decides."""

    def __init__(
        self,
        ledger: Ledger,
        fleet: Fleet,
        moves: Moves,
        policy: RolloutPolicy,
        owner: str,
        look: Look | None = None,
        replay: Replay | None = None,
    ) -> None:
        """Without `look` the guardian flags nothing; without `replay` nothing is replayed."""
        self._ledger = ledger
        self._fleet = fleet
        self._moves = moves
        self._policy = policy
        self._owner = owner
        self._gather = Gather(ledger, policy, look)
        self._replay = replay if policy.mode == "evidence" and policy.replay else None
        self._last: tuple[str, str] = ("", "")
        self._jumps = Jumps()

    async def step(self) -> Decision | None:
        """Follow the refs; with the lease, start a waiting candidate or decide about the live one."""
        jump = self._jumps.since_last()
        await self._fleet.reconcile(self._ledger.refs())
        if not await self._ledger.call(self._ledger.acquire_lease, "rollout", self._owner, LEASE_SECONDS):
            return None
        rollout = self._ledger.rollout()
        try:
            if rollout is None:
                await self._start_next()
            elif rollout.state != "held":
                return await self._decide(await self._on_time(rollout, jump))
        except (RefMoved, NothingToMove) as moved:
            log.info("somebody else moved first: %s", moved)
        return None

    async def _on_time(self, rollout: Rollout, jump: float) -> Rollout:
        """The rollout, its step begun anew where the clock was set: nobody has watched for so long."""
        ahead = rollout.step_at - time.time()  # set back while no server ran
        if not jump and ahead <= JUMP_SECONDS:
            return rollout
        reason = f"the clock was set by {jump or -ahead:+.0f} s: the step begins anew"
        log.warning("%s: %s", rollout.version, reason)
        return await self._ledger.call(self._ledger.update_rollout, rollout.id, None, None, ACTOR, reason)

    async def _start_next(self) -> None:
        waiting = self._ledger.versions_waiting()
        stable = self._ledger.refs().stable
        for orphan in self._orphans(waiting, stable):
            reason = f"{orphan.name} was built on {orphan.parent}, which was taken back; learned again"
            await self._ledger.call(self._ledger.drop_version, orphan, reason)
        heirs = [version for version in waiting if version.parent == stable]
        if heirs and not await asyncio.to_thread(self._pause_left, heirs[0]):
            await self._start(heirs[0])

    def _pause_left(self, version: VersionRow) -> float:
        ended = self._ledger.ends_without_verdict(version.name)
        return pause_left(self._policy, ended, time.time())

    async def _start(self, version: VersionRow) -> None:
        try:
            rollout = await self._moves.start(version)
        except NEVER_SHOWN as error:
            reason = f"{version.name} cannot be served; learned again: {error}"
            log.warning("%s", reason)
            await self._ledger.call(self._ledger.drop_version, version, reason)
        else:
            log.info("%s: %s, %.0f %% of users", version.name, rollout.state, rollout.weight * 100)

    def _orphans(self, waiting: list[VersionRow], stable: str) -> list[VersionRow]:
        """Those that can never be shown: their line of parents does not lead to stable."""
        heirs = {stable}
        orphans = []
        for version in waiting:
            if version.parent in heirs:
                heirs.add(version.name)
            else:
                orphans.append(version)
        return orphans

    async def _decide(self, rollout: Rollout) -> Decision:
        stored = await self._gather.step(rollout)
        if self._replay is not None:
            stored = await self._measure(self._replay, rollout, stored)
        found = evidence(self._policy, rollout, stored)
        decision = decide(self._policy, found)
        await self._note(rollout, decision, found)
        match decision.action:
            case Action.ADVANCE:
                after = await self._moves.advance(rollout, ACTOR, decision.reason)
                log.info("%s: %s, %.0f %% of users", rollout.version, after.state, after.weight * 100)
            case Action.PROMOTE:
                await self._moves.promote(ACTOR, decision.reason)
                log.info("promoted %s: %s", rollout.version, decision.reason)
            case Action.REJECT | Action.ROLLBACK:
                await self._moves.abort(ACTOR, decision.reason)
                log.warning("withdrew %s: %s", rollout.version, decision.reason)
            case Action.REVERT:
                await self._moves.revert(ACTOR, decision.reason)
                log.info("%s goes back to the queue: %s", rollout.version, decision.reason)
        return decision

    async def _measure(self, replay: Replay, rollout: Rollout, stored: Counted) -> Counted:
        """A few more pairs. A dead engine tells nothing of the canary and is no reason to stop."""
        state = dict(stored.state)
        if "drift_limit" not in state:
            past = await asyncio.to_thread(self._ledger.past_drifts)
            state["drift_limit"] = drift_limit(past, self._policy.drift_limit_nats)
        try:
            after = await replay.step(rollout, state)
        except EngineDead as error:
            log.warning("nothing is replayed: %s", error)
            return stored
        return stored if after is None else await self._gather.keep(rollout, stored, after)

    async def _note(self, rollout: Rollout, decision: Decision, found: Evidence) -> None:
        """Store a decision with its inputs, unless it says what the last one said."""
        said = (f"{rollout.id} {rollout.step_at}", f"{decision.action} {decision.cause}")
        if said == self._last:
            return
        told = decided(self._policy, found, decision, time.time())
        await self._ledger.call(self._ledger.add_decision, rollout.id, told)
        self._last = said
