"""One number in shared memory: how many chat requests the engine is answering or making wait.

The learner reads it between micro-steps and lets chat go first. A file under the home directory, mapped by
both processes: no socket, nothing to reconnect, and a dead writer's last number is ignored after a second.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path

_RECORD = struct.Struct("<qd")
FRESH_SECONDS = 1.0
"""A count older than this says nothing: its writer is gone or stuck."""


class BusyFile:
    """The count with the time it was written. One writer, any number of readers."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.ftruncate(fd, _RECORD.size)
            self._map = mmap.mmap(fd, _RECORD.size)
        finally:
            os.close(fd)

    def write(self, count: int) -> None:
        """Say how many chat requests are running or waiting now."""
        _RECORD.pack_into(self._map, 0, count, time.monotonic())

    def read(self) -> int:
        """The last fresh count, 0 when nobody keeps it up to date."""
        count, written = _RECORD.unpack_from(self._map, 0)
        return int(count) if time.monotonic() - written < FRESH_SECONDS else 0

    def close(self) -> None:
        """Unmap; the file stays for the other side."""
        self._map.close()
