"""Which server processes still need which staged adapters, where several share replicas and a folder.

Each keeps the names that it needs in a file of its own, locked as long as it lives: the system lets the lock
go with the process, however that ended. All of it is read and written by one process at a time.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

TURN_SECONDS = 0.01


class Holders:
    """One process's part. `open` first; `hold` and `others` only within `alone`."""

    def __init__(self, root: Path) -> None:
        self._turn = root / "lock"
        self._folder = root / "needed-by"
        self._mine = self._folder / f"{os.getpid()}-{secrets.token_hex(4)}"
        self._descriptor: int | None = None

    def open(self) -> None:
        """Begin to be counted."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._descriptor = _locked(self._mine)

    def close(self) -> None:
        """Need nothing any more."""
        if self._descriptor is not None:
            self._mine.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Within it no other process changes what replicas have or what lies in the folder."""
        self._turn.parent.mkdir(parents=True, exist_ok=True)
        while (descriptor := _locked(self._turn)) is None:  # noqa: ASYNC110 (a wait for the lock is no event)
            await asyncio.sleep(TURN_SECONDS)
        try:
            yield
        finally:
            os.close(descriptor)

    def hold(self, names: Collection[str]) -> None:
        """Say what this process needs from now on."""
        self._mine.write_text(json.dumps(sorted(names)))

    def others(self) -> set[str]:
        """What other living processes need; the notes of those that ended are taken away."""
        needed: set[str] = set()
        for note in self._folder.iterdir():
            if note == self._mine:
                continue
            descriptor = _locked(note)
            if descriptor is None:
                needed |= set(json.loads(note.read_text() or "[]"))
            else:
                note.unlink()
                os.close(descriptor)
        return needed


def _locked(path: Path) -> int | None:
    """The descriptor that keeps a file locked, or None when another has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
