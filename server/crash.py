"""Places where a test may have the process killed, to prove that nothing is lost there.

`LIVEGRAFT_CRASH_AT=name` makes the process kill itself (SIGKILL, no cleanup) when it first reaches the point
of that name. Unset, as always in production, a point is one dictionary look-up.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path


def crash_point(name: str) -> None:
    """Die here if a test asked for it; once per marker file, so that the restarted process gets through."""
    if os.environ.get("LIVEGRAFT_CRASH_AT") != name:
        return
    marker = os.environ.get("LIVEGRAFT_CRASH_MARKER", "")
    if marker:
        try:
            Path(marker).touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.SIGKILL)
