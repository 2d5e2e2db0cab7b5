"""Which versions the engine holds: what a ref names is loaded before it is named, the rest is let go.

Every API process has a fleet of its own and keeps it in step with the refs by polling.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

from adapter_store import Manifest, Store, StoreError, Version
from server.engine.types import Engine
from server.ledger import Ledger
from server.types import BASE_VERSION, Refs, VersionRow

log = logging.getLogger("livegraft.rollout")
SETTLE_SECONDS = 0.2


class OtherBase(Exception):
    """The version was made on another base model."""


class Fleet:
    """Loads versions into this process's engine and forgets those that nobody may ask for soon."""

    def __init__(self, ledger: Ledger, store: Store, engine: Engine, keep_loaded: int = 4) -> None:
        self._ledger = ledger
        self._store = store
        self._engine = engine
        self._keep_loaded = keep_loaded
        self._lock = asyncio.Lock()
        self._recent: list[str] = []
        self._leaving: dict[str, asyncio.Task[None]] = {}
        self._unreturnable = ""
        """The previous stable, when it cannot be loaded."""

    async def ensure(self, name: str) -> None:
        """Have `name` loaded: composed from its deltas, every blob verified by hash. Idempotent.

        Raises UnknownVersion, ErasedVersion, OtherBase, and StoreError when its bytes are not what they were.
        """
        if name == BASE_VERSION:
            return
        if self._held(name):  # what is loaded need not wait for what is being loaded
            return
        async with self._lock:
            if self._held(name):
                return
            row = await asyncio.to_thread(self._ledger.servable, name)
            self._check_base(row)
            path = await asyncio.to_thread(self._store.compose, self.stored(row))
            await self._engine.load(name, path)
            self._held(name)
            log.info("loaded %s", name)

    def _held(self, name: str) -> bool:
        """Whether it is loaded; if so it is the most recent now."""
        if name not in self._engine.loaded():
            return False
        self._recent = [*(n for n in self._recent if n != name), name]
        return True

    def stored(self, row: VersionRow) -> Version:
        """The store's view of a ledger row."""
        return Version(row.name, self._engine.base_digest, row.deltas)

    async def origin(self, name: str) -> tuple[dict[str, str], dict[str, Manifest]]:
        """sha256 of each file of a version, and the manifest of each of its deltas. Raises as `ensure`."""
        row = await asyncio.to_thread(self._ledger.servable, name)
        self._check_base(row)
        files = await asyncio.to_thread(self._store.files, self.stored(row))
        return files, {id_: await asyncio.to_thread(self._store.manifest, id_) for id_ in row.deltas}

    def _check_base(self, row: VersionRow) -> None:
        if self._store.digest(self.stored(row)) != row.digest:
            raise OtherBase(
                f"{row.name} was made on another base model than the one served now "
                f"({self._engine.base_digest[:12]}): its numbers mean nothing here. Serve that base again."
            )

    async def leave(self, names: Collection[str], seconds: float) -> bool:
        """Unload versions for good; False when answers from one of them still ran after so long."""
        for name in names:
            self._recent = [n for n in self._recent if n != name]
            leaving = name in self._leaving and not self._leaving[name].done()
            if name in self._engine.loaded() and not leaving:
                self._leaving[name] = asyncio.create_task(self._unload(name))
        running = [self._leaving[name] for name in names if name in self._leaving]
        if running:
            await asyncio.wait(running, timeout=seconds)
        return all(task.done() for task in running)

    async def _ready_to_return(self, previous: str) -> None:
        """Have it loaded; that it cannot be is no reason to stop what goes on now."""
        if previous == self._unreturnable:
            return
        try:
            await self.ensure(previous)
        except StoreError as error:
            self._unreturnable = previous
            log.error("a rollback cannot return to %s: %s", previous, error)

    async def _unload(self, name: str) -> None:
        """Requests that chose this version a moment ago, before the refs moved, are let in first."""
        await asyncio.sleep(SETTLE_SECONDS)
        await self._engine.unload(name)
        log.info("unloaded %s, which was erased", name)

    async def reconcile(self, refs: Refs) -> None:
        """Load what the refs name and what a rollback would return to; unload the oldest of the rest."""
        previous = await asyncio.to_thread(self._ledger.previous_stable)
        wanted = [name for name in (refs.stable, refs.canary) if name]
        for name in wanted:
            await self.ensure(name)
        if previous is not None:
            wanted.append(previous)
            await self._ready_to_return(previous)
        spare = [n for n in self._recent if n not in wanted and n in self._engine.loaded()]
        for name in spare[: max(0, len(spare) - self._keep_loaded)]:
            self._recent.remove(name)
            await self._engine.unload(name)
            log.info("unloaded %s", name)
