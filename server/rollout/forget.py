"""Forget a user: what they taught leaves the weights that are served, their rows and the deltas' files.

Two halves. `erase` moves the refs and erases the rows in one transaction, which also notes what is left to
do. `finish` does that: unload the versions, delete the deltas, empty the ledger's log. It may be called at
any time and as often as one likes; whoever dies in between, the next call or the next start goes on.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import secrets
from dataclasses import dataclass
from typing import Any

from adapter_store import Store
from server.crash import crash_point
from server.ledger import Ledger, RefMoved, UnknownUser
from server.rollout import stack
from server.rollout.fleet import Fleet
from server.rollout.moves import Moves, Target

REASON = "a user is forgotten"
UNLOAD_SECONDS = 30.0
"""How long answers that still come from an erased version may take before the files are deleted later."""
TRIES = 5


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What the ledger erased, and which other deltas were trained while those facts were replayed."""

    counts: dict[str, Any]
    trained_beside: tuple[str, ...]
    again: bool = False
    """Nothing was left to erase: these are the counts of the time before."""


class Forget:
    """Takes a user out of one ledger, store and engine. One at a time."""

    def __init__(self, ledger: Ledger, store: Store, fleet: Fleet, moves: Moves) -> None:
        self._ledger = ledger
        self._store = store
        self._fleet = fleet
        self._moves = moves
        self._lock = asyncio.Lock()

    async def erase(self, user: str, replayed: bool, actor: str) -> Forgotten:
        """Refs away from every delta that holds something of the user, and their rows erased.

        With `replayed` the deltas that were trained on top of those go too. Raises UnknownUser.
        """
        subject = await asyncio.to_thread(self.subject, user)
        async with self._lock:
            for _ in range(TRIES):
                held = await asyncio.to_thread(self._ledger.deltas_of_user, user)
                if held is None:
                    return await self._already(user, subject)
                versions = await asyncio.to_thread(self._ledger.versions)
                beside = stack.trained_beside(held, versions)
                removed = (*held, *beside) if replayed else held
                target = await self._moves.without(removed, actor, REASON)
                crash_point("forget.recomposed")
                try:
                    counts = await self._ledger.call(self._erase, user, held, removed, target, subject, actor)
                except RefMoved:
                    continue  # promoted, or learned more, while the rest was composed: look again
                crash_point("forget.erased")
                return Forgotten(counts, tuple(d for d in beside if d not in counts["deltas"]))
        raise RefMoved(
            "The refs kept moving while the user was being forgotten; nothing was erased. Try again."
        )

    async def finish(self, seconds: float = UNLOAD_SECONDS) -> bool:
        """Delete what `erase` left to delete; False when something of it must wait for the next call."""
        left = await asyncio.to_thread(self._ledger.to_erase)
        if left is None:
            return True
        erased = await asyncio.to_thread(self._ledger.erased_versions)
        if not await self._fleet.leave(erased, seconds):
            return False
        crash_point("forget.unloaded")
        for delta in left.deltas:
            await asyncio.to_thread(self._store.delete, delta)
        crash_point("forget.deleted")
        if not await asyncio.to_thread(self._ledger.wipe_log):
            return False
        crash_point("forget.wiped")
        await self._ledger.call(self._ledger.set_erased, left)
        return True

    def subject(self, user: str) -> str:
        """What stands for a user in the audit: a hash under a key that is no part of the ledger."""
        key = self._ledger.path.with_name("erasure.key")
        if not key.exists():
            descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(32))
                file.flush()
                os.fsync(file.fileno())
        return hmac.new(key.read_bytes(), user.encode(), "sha256").hexdigest()

    def _erase(
        self,
        user: str,
        held: tuple[str, ...],
        removed: tuple[str, ...],
        target: Target,
        subject: str,
        actor: str,
    ) -> dict[str, Any]:
        """One transaction. Raises RefMoved when the world is not what the target was made for."""
        if self._ledger.deltas_of_user(user) != held:
            raise RefMoved("more of this user was learned meanwhile")
        self._moves.take_out(removed, target, actor, REASON)
        return self._ledger.erase_user(user, removed, subject, actor)

    async def _already(self, user: str, subject: str) -> Forgotten:
        counts = await asyncio.to_thread(self._ledger.forgotten, subject)
        if counts is None:
            raise UnknownUser(
                f"Nothing of a user {user[:80]!r} is in the ledger. Ids are compared exactly, as chat was "
                "told them in `user`; a key that speaks for itself has its own name."
            )
        return Forgotten(counts, (), again=True)
