"""What the HTTP layer asks of everything behind it: refs as last read, moves, proofs, previews, alarms.

The one implementation of server.api.control.Control; server.app builds it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from adapter_store import Manifest
from server.engine.types import Engine
from server.ledger import Ledger
from server.rollout import KNOWN, MET, Fleet, Forget, Moves, report, waits
from server.router import Choice, choose, pinned
from server.types import Arm, Message, Refs, Rollout, Turn, TurnState, VersionRow

T = TypeVar("T")
Preview = Callable[[Turn], Awaitable[dict[str, object]]]
"""What a turn would teach, judged, nothing stored."""


class Operations:
    """Reads are cached and never block; every move refreshes them at once, `refresh` does so by polling."""

    def __init__(
        self,
        ledger: Ledger,
        engine: Engine,
        fleet: Fleet,
        moves: Moves,
        forget: Forget,
        preview: Preview,
        unknown: frozenset[str] = frozenset(),
    ) -> None:
        """`unknown`: names under which several people speak, who cannot be told apart."""
        self._ledger = ledger
        self._engine = engine
        self._fleet = fleet
        self._moves = moves
        self._forget = forget
        self._preview = preview
        self._unknown = unknown
        self._refs = Refs()
        self._rollout: Rollout | None = None
        self._versions: frozenset[str] = frozenset()
        self._erased: frozenset[str] = frozenset()
        self._stable: VersionRow | None = None
        self._alarm_sources: list[Callable[[], Sequence[str]]] = []
        self._learner: dict[str, object] = {}
        self._ready = False
        self._refreshing = asyncio.Lock()

    def add_alarms(self, source: Callable[[], Sequence[str]]) -> None:
        """Have a part's complaints shown in /readyz and metrics."""
        self._alarm_sources.append(source)

    async def refresh(self) -> None:
        """Read refs, rollout and version names again; what a ref names is loaded first.

        One at a time: a poll that read before a move must not overwrite what the move has read since.
        """
        async with self._refreshing:
            seen = await asyncio.to_thread(self._ledger.serving)
            for name in (seen.refs.stable, seen.refs.canary):
                if name is not None:
                    await self._fleet.ensure(name)
            self._refs, self._rollout, self._stable = seen.refs, seen.rollout, seen.stable
            self._versions, self._erased, self._learner = seen.names, seen.erased, seen.learner
            self._ready = True
            await self._fleet.leave(self._erased, seconds=0)

    def refs(self) -> Refs:
        """The refs as last read."""
        return self._refs

    def rollout(self) -> Rollout | None:
        """The rollout as last read."""
        return self._rollout

    def choose(self, user: str, suffix: str | None, conversation: str = "") -> Choice:
        """Which version answers this user. Raises UnknownVersion, ErasedVersion for a name that cannot."""
        if not suffix:
            return choose(user, self._refs, self._rollout, conversation, user not in self._unknown)
        if suffix not in self._versions and suffix.startswith("v"):
            self._versions = frozenset(row.name for row in self._ledger.versions())
        if suffix in self._erased:
            self._ledger.servable(suffix)
        return pinned(suffix, self._refs, self._versions)

    async def ensure(self, version: str) -> None:
        """Have a version loaded."""
        await self._fleet.ensure(version)

    async def rollback(self, to: str | None, actor: str, reason: str) -> Refs:
        """See Moves.rollback."""
        return await self._moved(self._moves.rollback(to, actor, reason))

    async def revoke(self, delta_id: str, actor: str, reason: str) -> VersionRow:
        """See Moves.revoke."""
        return await self._moved(self._moves.revoke(delta_id, actor, reason))

    async def forget(self, user: str, replayed: bool, actor: str) -> dict[str, object]:
        """Forget a user; what is served moves at once, what is deleted after it is waited for."""
        done = await self._moved(self._forget.erase(user, replayed, actor))
        finished = await self._forget.finish()
        return {
            "forgotten": done.counts,
            "again": done.again,
            "finished": finished,
            "trained_beside": list(done.trained_beside),
            "pending": await asyncio.to_thread(self._ledger.count_pending),
            "version": self._refs.stable,
            "proof": await self._moves.proof(self._refs.stable),
        }

    async def evidence(self, rollout: Rollout) -> dict[str, object]:
        """What is known of a live rollout and what the rule says of it now."""
        stored = await asyncio.to_thread(self._ledger.rollout_evidence, rollout.id)
        counts = await asyncio.to_thread(self._ledger.rollout_counts, rollout.id)
        met = await asyncio.to_thread(self._ledger.users_met, rollout.id, KNOWN, MET)
        decisions = await asyncio.to_thread(self._ledger.decisions, rollout.id)
        stored = replace(stored, counts=counts)
        return report(self._moves.policy, rollout, stored, met, decisions, time.time())

    async def waiting(self) -> str:
        """Why the next version is not shown though nothing else is; '' when none waits for long."""
        return await asyncio.to_thread(self._waiting)

    def _waiting(self) -> str:
        for version in self._ledger.versions_waiting():
            if version.parent == self._refs.stable:
                ended = self._ledger.ends_without_verdict(version.name)
                return waits(self._moves.policy, version.name, ended, time.time())
        return ""

    async def promote(self, actor: str, reason: str) -> Refs:
        """See Moves.promote."""
        return await self._moved(self._moves.promote(actor, reason))

    async def abort(self, actor: str, reason: str) -> Refs:
        """See Moves.abort."""
        return await self._moved(self._moves.abort(actor, reason))

    async def set_weight(self, weight: float, actor: str, reason: str) -> Rollout:
        """See Moves.set_weight."""
        return await self._moved(self._moves.set_weight(weight, actor, reason))

    async def hold(self, held: bool, actor: str, reason: str) -> Rollout:
        """See Moves.hold."""
        return await self._moved(self._moves.hold(held, actor, reason))

    async def proof(self, version: str) -> dict[str, object]:
        """See Moves.proof."""
        return await self._moves.proof(version)

    async def origin(self, version: str) -> tuple[dict[str, str], dict[str, Manifest]]:
        """See Fleet.origin."""
        return await self._fleet.origin(version)

    async def preview(
        self, messages: Sequence[Message], user: str, key_name: str = "", operator: bool = True
    ) -> dict[str, object]:
        """What a turn with these messages would teach and what the guardian would say; stores nothing."""
        turn = Turn(
            id=f"preview-{uuid.uuid4().hex}",
            created_at=time.time(),
            user=user,
            key_name=key_name,
            operator=operator,
            conversation="",
            messages=tuple(messages),
            answer="",
            version=self._refs.stable,
            arm=Arm.PINNED,
            rollout=None,
            state=TurnState.LEARNABLE,
        )
        return await self._preview(turn)

    def alarms(self) -> list[str]:
        """Everything an operator should look at, in words."""
        told = [alarm for source in self._alarm_sources for alarm in source()]
        if self._learner.get("state") == "held":
            told.append(f"learning is held: {self._learner.get('reason')}")
        served = self._stable
        if served is not None and "examined_at" in served.gate and not served.gate.get("accepted"):
            told.append(f"{served.name} is served and failed its examination: {served.gate.get('reason')}")
        return told

    def ready(self) -> tuple[bool, list[str]]:
        """Ready when the engine lives and what the refs name is loaded; alarms do not stop chat."""
        health = self._engine.health()
        problems = []
        if not health.alive:
            problems.append(f"the engine is down: {health.detail}")
        if not self._ready:
            problems.append("the versions in use are still being loaded")
        return not problems, problems

    async def _moved(self, move: Awaitable[T]) -> T:
        try:
            return await move
        finally:
            await self.refresh()
