"""How long users wait from one token to the next: the recent 99th percentile, for learner and /metrics."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 10.0
"""What counts as recent: long enough for one token in a hundred to mean something."""
LEAST = 50
"""Of fewer waits there is no 99th percentile worth acting on."""
_MOST = 4096


class Pace:
    """The waits of the last seconds. Used on one event loop; a note costs well under a microsecond."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waits: deque[tuple[float, float]] = deque(maxlen=_MOST)
        self.arrivals = 0
        """Chat requests so far."""

    def arrive(self) -> None:
        """A chat request came."""
        self.arrivals += 1

    def note(self, seconds: float) -> None:
        """A stream waited so long for its next token."""
        self._waits.append((self._clock(), seconds))

    def p99(self) -> float:
        """The 99th percentile in seconds, nearest rank; 0 when fewer than LEAST waits are recent."""
        since = self._clock() - WINDOW_SECONDS
        while self._waits and self._waits[0][0] < since:
            self._waits.popleft()
        if len(self._waits) < LEAST:
            return 0.0
        ordered = sorted(seconds for _, seconds in self._waits)
        return ordered[int(0.99 * (len(ordered) - 1) + 0.5)]
