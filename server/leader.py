"""Which of several server processes of one home does the work behind chat: editor, reviews, learner.

Any number of processes answer chat and follow the refs; one of them leads. A lock on a file says which:
the system lets it go with the process that held it, however that ended, so there is no timeout to get wrong.
The rollout is not part of it: its lease in the ledger also orders processes of other machines.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Leadership:
    """One process's part in the election."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process leads."""
        return self._descriptor is not None

    def take(self) -> bool:
        """Lead if nobody does; whether this process leads now."""
        if self.held:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Closed on exec, as descriptors are: a learner that outlives its server must not keep the lock.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def leave(self) -> None:
        """Let another process take over."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
