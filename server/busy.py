"""What the learner is told through shared memory: how many chat requests there are, and how fast they go.

The learner reads it between micro-steps and lets chat go first. A file under the home directory, mapped by
both processes: no socket, nothing to reconnect, and a dead writer's last word is ignored after a second.
"""

from __future__ import annotations

import math
import mmap
import os
import struct
import time
from pathlib import Path
from typing import NamedTuple

FILE = Path("run") / "busy"
"""Where it lies under a home."""
_RECORD = struct.Struct("<qddd")
FRESH_SECONDS = 1.0
"""A record older than this says nothing: its writer is gone or stuck."""
PLACES = 64
"""So many server processes may share a home."""


class Load(NamedTuple):
    """What chat asks of the machine now."""

    requests: int = 0
    """Chat requests running or waiting."""
    p99_seconds: float = 0.0
    """99th percentile of the time between two tokens of an answer, lately; 0 when too few were seen."""


class BusyFile:
    """Each server process's load with the time it was written: one writer a place, any number of readers."""

    def __init__(self, path: Path, place: int = 0) -> None:
        """`place`: the writer's own, below PLACES."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(fd, PLACES * _RECORD.size)
            self._map = mmap.mmap(fd, PLACES * _RECORD.size)
        finally:
            os.close(fd)
        self._at = place * _RECORD.size
        self._last = -math.inf
        """When a request was last seen."""

    def write(self, count: int, p99_seconds: float = 0.0, came: bool = False) -> None:
        """Say how many chat requests are running or waiting now, and the recent time between tokens. `came`:
        some came since the last time, and may be answered by now."""
        now = time.monotonic()
        self._last = now if count or came else self._last
        _RECORD.pack_into(self._map, self._at, count, p99_seconds, now, self._last)

    def read(self) -> Load:
        """All requests together and the slowest process's tokens, of the records that are kept up to date."""
        fresh = self._fresh()
        return Load(sum(record[0] for record in fresh), max((record[1] for record in fresh), default=0.0))

    def idle_seconds(self) -> float:
        """How long no request was seen by those who keep their record up to date; between the requests of a
        conversation that is not long."""
        now = time.monotonic()
        return min((now - record[3] for record in self._fresh()), default=math.inf)

    def _fresh(self) -> list[tuple[int, float, float, float]]:
        oldest = time.monotonic() - FRESH_SECONDS
        return [record for record in _RECORD.iter_unpack(self._map) if record[2] > oldest]

    def close(self) -> None:
        """Unmap; the file stays for the other side."""
        self._map.close()
