"""The rollout's loop: shows accepted versions to a slice of users and applies the rule to what happens.

One `step` is cheap and idempotent; whoever holds the lease steps, everybody else only follows the refs.
"""

from __future__ import annotations

import logging
import time

from server.ledger import Ledger, RefMoved
from server.rollout.fleet import Fleet
from server.rollout.moves import Moves, NothingToMove
from server.rollout.rule import decide
from server.rollout.types import Action, Decision, Evidence, RolloutPolicy
from server.types import Rollout, VersionRow

log = logging.getLogger("livegraft.rollout")
LEASE_SECONDS = 10.0


class RolloutLoop:
    """Steps the rollout of this ledger; any number may run, one at a time decides."""

    def __init__(self, ledger: Ledger, fleet: Fleet, moves: Moves, policy: RolloutPolicy, owner: str) -> None:
        self._ledger = ledger
        self._fleet = fleet
        self._moves = moves
        self._policy = policy
        self._owner = owner

    async def step(self) -> Decision | None:
        """Follow the refs; with the lease, start a waiting candidate or decide about the live one."""
        await self._fleet.reconcile(self._ledger.refs())
        if not await self._ledger.call(self._ledger.acquire_lease, "rollout", self._owner, LEASE_SECONDS):
            return None
        rollout = self._ledger.rollout()
        try:
            if rollout is not None and rollout.state == "canary":
                return await self._decide(rollout)
            if rollout is None or rollout.state != "held":
                await self._start_next()
        except (RefMoved, NothingToMove) as moved:
            log.info("somebody else moved first: %s", moved)
        return None

    async def _start_next(self) -> None:
        waiting = self._ledger.versions_waiting()
        stable = self._ledger.refs().stable
        for orphan in self._orphans(waiting, stable):
            reason = f"{orphan.name} was built on {orphan.parent}, which was taken back; learned again"
            await self._ledger.call(self._ledger.drop_version, orphan, reason)
        heirs = [version for version in waiting if version.parent == stable]
        if heirs:
            rollout = await self._moves.start(heirs[0])
            log.info("%s is canary for %.0f %% of users", heirs[0].name, rollout.weight * 100)

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
        counts = self._ledger.rollout_counts(rollout.id)
        evidence = Evidence(
            age_seconds=time.time() - rollout.started_at,
            canary_turns=counts.canary_turns,
            failed_turns=counts.failed_turns,
            thumbs_down_users=counts.thumbs_down_users,
        )
        decision = decide(self._policy, evidence)
        if decision.action is Action.PROMOTE:
            await self._moves.promote("rollout", decision.reason)
            log.info("promoted %s: %s", rollout.version, decision.reason)
        elif decision.action is Action.ROLLBACK:
            await self._moves.abort("rollout", decision.reason)
            log.warning("withdrew %s: %s", rollout.version, decision.reason)
        return decision
