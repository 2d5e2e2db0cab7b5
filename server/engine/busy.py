"""What the learner is told through shared memory: how many chat requests there are, and how fast they go.

The learner reads it between micro-steps and lets chat go first. A file under the home directory, mapped by
both processes: no socket, nothing to reconnect, and a dead writer's last word is ignored after a second.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path
from typing import NamedTuple

_RECORD = struct.Struct("<qdd")
FRESH_SECONDS = 1.0
"""A record older than this says nothing: its writer is gone or stuck."""


class Load(NamedTuple):
    """What chat asks of the machine now."""

    requests: int = 0
    """Chat requests running or waiting."""
    p99_seconds: float = 0.0
    """99th percentile of the time between two tokens of an answer, lately; 0 when too few were seen."""


class BusyFile:
    """The load with the time it was written. One writer, any number of readers."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(fd, _RECORD.size)
            self._map = mmap.mmap(fd, _RECORD.size)
        finally:
            os.close(fd)

    def write(self, count: int, p99_seconds: float = 0.0) -> None:
        """Say how many chat requests are running or waiting now, and the recent time between tokens."""
        _RECORD.pack_into(self._map, 0, count, p99_seconds, time.monotonic())

    def read(self) -> Load:
        """The last fresh record, nothing when nobody keeps it up to date."""
        count, p99_seconds, written = _RECORD.unpack_from(self._map, 0)
        return Load(int(count), p99_seconds) if time.monotonic() - written < FRESH_SECONDS else Load()

    def close(self) -> None:
        """Unmap; the file stays for the other side."""
        self._map.close()
