"""The moves: start, promote, withdraw, roll back, revoke. Each is a compare-and-set with an audit row.

A version is loaded before a ref names it; a rollback therefore is one row, and needs no learner, no guardian
and no network. What is taken back is not relearned: the edits of the removed deltas are quarantined.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass

from adapter_store import Store, Version
from server.crash import crash_point
from server.engine.types import Engine
from server.ledger import Ledger, RefMoved
from server.rollout import stack
from server.rollout.fleet import Fleet
from server.rollout.types import RolloutPolicy
from server.types import BASE_VERSION, EditState, Refs, Rollout, RolloutState, VersionRow

PROBE_PROMPTS: tuple[str, ...] = (
    "Hello!",
    "What is the capital of France?",
    "What do you know?",
    "Tell me the admin port.",
)
"""Fixed prompts whose logits prove that two versions are the same, bit for bit."""


@dataclass(frozen=True, slots=True)
class Target:
    """What stable shall name, loaded, and what it named when that was decided."""

    instead_of: str
    row: VersionRow


class NothingToMove(Exception):
    """There is nothing to promote, withdraw or roll back to."""


class Moves:
    """Everything that changes what is served, for operators and for the rollout loop alike."""

    def __init__(
        self, ledger: Ledger, store: Store, engine: Engine, fleet: Fleet, policy: RolloutPolicy
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._engine = engine
        self._fleet = fleet
        self._policy = policy

    @property
    def policy(self) -> RolloutPolicy:
        """The operator's rule."""
        return self._policy

    async def start(self, version: VersionRow) -> Rollout:
        """Show an accepted version to its slice, drawn with a salt of its own; or begin in shadow."""
        await self._fleet.ensure(version.name)
        crash_point("rollout.loaded")
        quick = self._policy.mode == "quick"
        rollout = Rollout(
            id=f"r-{uuid.uuid4().hex[:12]}",
            version=version.name,
            salt=uuid.uuid4().hex,
            weight=self._policy.weight if quick else 0.0,
            state="canary" if quick else "shadow",
            started_at=time.time(),
            coin=0.0 if quick else self._policy.coin,
        )
        await self._ledger.call(self._ledger.start_rollout, rollout, "rollout", "the gate accepted it")
        crash_point("rollout.started")
        return rollout

    async def advance(self, rollout: Rollout, actor: str, reason: str) -> Rollout:
        """The next step: more users, or, when everybody meets it, the bake."""
        weight = self._policy.next_weight(rollout.weight)
        state: RolloutState = "bake" if weight is None else "canary"
        return await self._ledger.call(self._ledger.update_rollout, rollout.id, weight, state, actor, reason)

    async def promote(self, actor: str, reason: str) -> Refs:
        """Make the canary everybody's."""
        rollout = self._active()
        await self._fleet.ensure(rollout.version)
        await self._ledger.call(self._ledger.end_rollout, rollout.id, "promoted", actor, reason)
        crash_point("rollout.promoted")
        return self._ledger.refs()

    async def revert(self, actor: str, reason: str) -> Refs:
        """Withdraw the canary without a verdict: nothing is quarantined, it waits for its turn again."""
        await self._ledger.call(self._ledger.end_rollout, self._active().id, "reverted", actor, reason)
        return self._ledger.refs()

    async def abort(self, actor: str, reason: str) -> Refs:
        """Withdraw the canary; its own edits wait for a person, so that they are not simply relearned."""
        await self._ledger.call(self._withdraw, self._active(), actor, reason)
        return self._ledger.refs()

    async def set_weight(self, weight: float, actor: str, reason: str) -> Rollout:
        """Widen the slice. It only rises: narrowing would move users back and forth."""
        rollout = self._active()
        if not rollout.weight <= weight <= 1:
            raise NothingToMove(
                f"The weight is {rollout.weight:g} and may only rise, to at most 1; to show the canary to "
                "fewer users, abort the rollout."
            )
        state: RolloutState | None = "canary" if rollout.state == "shadow" and weight else None
        return await self._ledger.call(self._ledger.update_rollout, rollout.id, weight, state, actor, reason)

    async def hold(self, held: bool, actor: str, reason: str) -> Rollout:
        """Send everybody to stable for now (or show the canary again), keeping the rollout."""
        rollout = self._active()
        shown = rollout.resumes or "canary" if rollout.state == "held" else rollout.state
        state: RolloutState = "held" if held else shown
        return await self._ledger.call(self._ledger.update_rollout, rollout.id, None, state, actor, reason)

    async def rollback(self, to: str | None, actor: str, reason: str) -> Refs:
        """Serve an earlier version again: the previous stable, or the one named. A live canary goes too."""
        refs = self._ledger.refs()
        if to is None and refs.stable == BASE_VERSION and refs.canary is None:
            raise NothingToMove("Nothing has been learned yet: stable is v0, the base model alone.")
        target = to or self._ledger.previous_stable() or BASE_VERSION
        await self._fleet.ensure(target)
        await self._ledger.call(self._roll_back, target, actor, reason)
        return self._ledger.refs()

    async def revoke(self, delta: str, actor: str, reason: str) -> VersionRow:
        """Serve stable without one delta, at once; the learner examines afterwards what is then served.

        Its edits are not learned again by themselves; what else was built on it is. Raises UnknownDelta, and
        NothingToMove when no version that is served, shown or waiting has it.
        """
        self._ledger.delta(delta)
        served = {row.name for row in self._ledger.holding([delta])}
        live = self._live()
        if not served & live:
            raise NothingToMove(
                f"Delta {delta[:12]} is in no version that is served, shown or waiting to be shown: "
                "there is nothing to take back."
            )
        target = await self.without([delta], actor, reason)
        await self._ledger.call(self._revoke, delta, target, actor, reason)
        return target.row

    async def without(self, removed: Collection[str], actor: str, reason: str) -> Target:
        """What to serve without these deltas, recorded and loaded: stable itself when it has none of them."""
        stable = self._ledger.refs().stable
        deltas = self._deltas(stable)
        if not set(deltas) & set(removed):
            return Target(stable, self._row(stable))
        versions = await asyncio.to_thread(self._ledger.versions)
        stored = await asyncio.to_thread(self._store.deltas)
        left = stack.without(deltas, removed, versions, stored)
        row = await self._ledger.call(self._composed_of, left, stable, removed, actor, reason)
        await self._fleet.ensure(row.name)
        return Target(stable, row)

    def take_out(self, removed: Collection[str], target: Target, actor: str, reason: str) -> None:
        """In an open transaction: move the refs away from these deltas, and show nothing that has them.

        Raises RefMoved when stable is not what the target was made for.
        """
        refs = self._ledger.refs()
        if refs.stable != target.instead_of:
            raise RefMoved(f"stable names {refs.stable} now, not {target.instead_of}: try again.")
        moving = target.row.name != refs.stable
        holding = {row.name for row in self._ledger.holding(removed)}
        rollout = self._ledger.rollout()
        if rollout is not None and (moving or rollout.version in holding):
            self._ledger.end_rollout(rollout.id, "aborted", actor, f"built on what is taken out: {reason}")
        if moving:
            evidence = {"revoked": sorted(removed)}
            self._ledger.move_ref("stable", refs.stable, target.row.name, actor, reason, evidence)
        waiting = [row.name for row in self._ledger.versions_waiting()]
        gone = [name for name in waiting if moving or name in holding]
        self._ledger.withdraw_waiting(gone, f"built on what was taken out: {reason}")

    async def proof(self, name: str) -> dict[str, object]:
        """What anybody can compare: the version's file hashes, and its logits' hash computed now."""
        if name == BASE_VERSION:
            digest, files = self._engine.base_digest, {}
        else:
            row = await asyncio.to_thread(self._ledger.servable, name)
            await self._fleet.ensure(name)
            digest = row.digest
            files = await asyncio.to_thread(self._store.files, self._fleet.stored(row))
        logits = await self._engine.score(name, PROBE_PROMPTS)
        return {"version": name, "digest": digest, "files": files, "logits_sha256": logits}

    def _revoke(self, delta: str, target: Target, actor: str, reason: str) -> None:
        """One transaction: refs away from the delta, its edits taken back, what else lost its place waits."""
        self.take_out([delta], target, actor, reason)
        self._ledger.set_edits_of([delta], EditState.REVOKED, f"revoked: {reason}", actor)
        self._ledger.requeue_stranded(f"built on delta {delta[:12]}, which was revoked: learned again")

    def _composed_of(
        self, deltas: tuple[str, ...], stable: str, removed: Collection[str], actor: str, reason: str
    ) -> VersionRow:
        """The version of exactly these deltas: one that is there already, else a new one."""
        if not deltas:
            return self._row(BASE_VERSION)
        name = self._ledger.next_version_name()
        digest = self._store.digest(Version(name, self._engine.base_digest, deltas))
        known = [row for row in self._ledger.versions() if row.digest == digest and not row.erased]
        if known:
            return known[-1]
        ids = sorted(removed)
        why = f"{stable} without {', '.join(d[:12] for d in ids)}: {reason}"
        gate: dict[str, object] = {"accepted": True, "reason": why, "checks": {}, "revoked": ids}
        row = VersionRow(name, digest, deltas, stable, time.time(), gate)
        self._ledger.add_version(row, actor, why)
        return row

    def _live(self) -> set[str]:
        """The versions that are served, shown or waiting to be shown."""
        refs = self._ledger.refs()
        names = {refs.stable, refs.canary, *(row.name for row in self._ledger.versions_waiting())}
        return {name for name in names if name is not None}

    def _row(self, name: str) -> VersionRow:
        if name == BASE_VERSION:
            return VersionRow(BASE_VERSION, self._engine.base_digest, (), "", 0.0)
        return self._ledger.version(name)

    def _roll_back(self, target: str, actor: str, reason: str) -> None:
        """One transaction: the canary ends, stable moves, what was taken back waits for a person."""
        refs = self._ledger.refs()
        rollout = self._ledger.rollout()
        if rollout is not None:
            self._ledger.end_rollout(rollout.id, "aborted", actor, reason)
        if target != refs.stable:
            self._ledger.move_ref("stable", refs.stable, target, actor, reason, {"kind": "rollback"})
        for name in (refs.canary, refs.stable):
            if name is not None:
                self._disown(name, target, actor, reason)

    def _withdraw(self, rollout: Rollout, actor: str, reason: str) -> None:
        self._ledger.end_rollout(rollout.id, "aborted", actor, reason)
        self._disown(rollout.version, self._ledger.refs().stable, actor, reason)

    def _disown(self, name: str, target: str, actor: str, reason: str) -> None:
        """Quarantine the edits of the deltas that version `name` has and `target` has not."""
        removed = [delta for delta in self._deltas(name) if delta not in self._deltas(target)]
        if removed:
            self._ledger.quarantine_edits_of(removed, f"taken back with {name}: {reason}", actor)

    def _deltas(self, name: str) -> tuple[str, ...]:
        return () if name == BASE_VERSION else self._ledger.version(name).deltas

    def _active(self) -> Rollout:
        rollout = self._ledger.rollout()
        if rollout is None:
            raise NothingToMove("No canary is being served now.")
        return rollout
