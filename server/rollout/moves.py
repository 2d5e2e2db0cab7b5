"""The moves: start, promote, withdraw, roll back, revoke. Each is a compare-and-set with an audit row.

A version is loaded before a ref names it; a rollback therefore is one row, and needs no learner, no guardian
and no network. What is taken back is not relearned: the edits of the removed deltas are quarantined.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Literal

from adapter_store import Store, Version
from server.crash import crash_point
from server.engine.types import Engine
from server.ledger import Ledger
from server.rollout.fleet import Fleet
from server.rollout.rule import RolloutPolicy
from server.types import BASE_VERSION, EditState, Refs, Rollout, VersionRow

PROBE_PROMPTS: tuple[str, ...] = (
    "Hello!",
    "What is the capital of France?",
    "What do you know?",
    "Tell me the admin port.",
)
"""Fixed prompts whose logits prove that two versions are the same, bit for bit."""


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

    async def start(self, version: VersionRow) -> Rollout:
        """Show an accepted version to its slice of users, drawn with a salt of its own."""
        await self._fleet.ensure(version.name)
        crash_point("rollout.loaded")
        rollout = Rollout(
            id=f"r-{uuid.uuid4().hex[:12]}",
            version=version.name,
            salt=uuid.uuid4().hex,
            weight=self._policy.weight,
            state="canary",
            started_at=time.time(),
        )
        await self._ledger.call(self._ledger.start_rollout, rollout, "rollout", "the gate accepted it")
        crash_point("rollout.started")
        return rollout

    async def promote(self, actor: str, reason: str) -> Refs:
        """Make the canary everybody's."""
        rollout = self._active()
        await self._fleet.ensure(rollout.version)
        await self._ledger.call(self._ledger.end_rollout, rollout.id, "promoted", actor, reason)
        crash_point("rollout.promoted")
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
        return await self._ledger.call(self._ledger.update_rollout, rollout.id, weight, None, actor, reason)

    async def hold(self, held: bool, actor: str, reason: str) -> Rollout:
        """Send everybody to stable for now (or show the canary again), keeping the rollout."""
        rollout = self._active()
        state: Literal["canary", "held"] = "held" if held else "canary"
        return await self._ledger.call(self._ledger.update_rollout, rollout.id, None, state, actor, reason)

    async def rollback(self, to: str | None, actor: str, reason: str) -> Refs:
        """Serve an earlier version again: the previous stable, or the one named. A live canary goes too."""
        refs = self._ledger.refs()
        if to is None and refs.stable == BASE_VERSION and refs.canary is None:
            raise NothingToMove("Nothing has been learned yet: stable is v0, the base model alone.")
        target = to or self._ledger.previous_stable() or BASE_VERSION
        if target != BASE_VERSION:
            self._ledger.version(target)
        await self._fleet.ensure(target)
        await self._ledger.call(self._roll_back, target, actor, reason)
        return self._ledger.refs()

    async def revoke(self, delta: str, actor: str, reason: str) -> VersionRow:
        """Serve stable without one delta, recomposed from the others. Not examined by the gate again."""
        refs = self._ledger.refs()
        stable = self._ledger.version(refs.stable) if refs.stable != BASE_VERSION else None
        if stable is None or delta not in stable.deltas:
            raise NothingToMove(f"Delta {delta[:12]} is not part of stable ({refs.stable}).")
        if refs.canary is not None:
            await self.abort(actor, f"built on a delta that is being revoked: {reason}")
        version = await self._ledger.call(self._record_without, stable, delta, actor, reason)
        await self._fleet.ensure(version.name)
        await self._ledger.call(
            self._ledger.move_ref, "stable", stable.name, version.name, actor, reason, {"revoked": delta}
        )
        await self._ledger.call(
            self._ledger.set_edits_of, [delta], EditState.REVOKED, f"revoked: {reason}", actor
        )
        return version

    async def proof(self, name: str) -> dict[str, object]:
        """What anybody can compare: the version's file hashes, and its logits' hash computed now."""
        if name == BASE_VERSION:
            digest, files = self._engine.base_digest, {}
        else:
            row = await asyncio.to_thread(self._ledger.version, name)
            await self._fleet.ensure(name)
            digest = row.digest
            files = await asyncio.to_thread(self._store.files, self._fleet.stored(row))
        logits = await self._engine.score(name, PROBE_PROMPTS)
        return {"version": name, "digest": digest, "files": files, "logits_sha256": logits}

    def _record_without(self, stable: VersionRow, delta: str, actor: str, reason: str) -> VersionRow:
        name = self._ledger.next_version_name()
        deltas = tuple(d for d in stable.deltas if d != delta)
        digest = self._store.digest(Version(name, self._engine.base_digest, deltas))
        why = f"{stable.name} without delta {delta[:12]}: {reason}"
        gate: dict[str, object] = {"accepted": True, "reason": why, "checks": {}, "revoked": delta}
        row = VersionRow(name, digest, deltas, stable.name, time.time(), gate)
        self._ledger.add_version(row, actor, why)
        return row

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
