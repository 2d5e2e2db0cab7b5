"""Give memory back, and watch how much is taken."""

from __future__ import annotations

import ctypes
import gc
import sys
import threading
from pathlib import Path

_STATUS = Path("/proc/self/status")


def release() -> None:
    """Collect what is unreachable and hand free pages to the system. Takes some 0.2 s beside torch.

    glibc keeps what was freed, and after a training that is more than is in use.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)


class PeakWatch:
    """The most memory taken beside the base's weights, in bytes, since it was made.

    On CPU the process's own pages, looked at twenty times a second; pages of mapped files do not count. On a
    GPU what torch had allocated. Not covered: CPU on systems without /proc, where the peak stays 0.
    """

    def __init__(self, device: str) -> None:
        self._cuda = device == "cuda"
        self._start = self._now()
        self._peak = self._start
        self._done = threading.Event()
        if self._cuda:
            import torch

            torch.cuda.reset_peak_memory_stats()
        else:
            threading.Thread(target=self._look, name="memory", daemon=True).start()

    def peak(self) -> int:
        """What was taken at most so far."""
        if self._cuda:
            import torch

            return int(torch.cuda.max_memory_allocated()) - self._start
        self._peak = max(self._peak, self._now())
        return self._peak - self._start

    def close(self) -> None:
        """Stop looking."""
        self._done.set()

    def _look(self) -> None:
        while not self._done.wait(0.05):
            self._peak = max(self._peak, self._now())

    def _now(self) -> int:
        if self._cuda:
            import torch

            return int(torch.cuda.memory_allocated())
        if not _STATUS.exists():
            return 0
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("RssAnon"))
        return int(line.split()[1]) << 10
