"""Tells a clock that was set from time that passed.

Rollouts outlive processes, so their times are those of the wall clock. Where it jumps, nobody has watched for
as long as it says: the step must begin anew. A machine that slept looks the same, and is meant to.
"""

from __future__ import annotations

import time

JUMP_SECONDS = 30.0
"""Smaller corrections change nothing that matters."""


class Jumps:
    """Compares the wall clock with the one that nobody can set."""

    def __init__(self) -> None:
        self._wall, self._steady = time.time(), time.monotonic()

    def since_last(self) -> float:
        """By how many seconds the clock was set since the last call, forth (+) or back (-); 0: it was not."""
        wall, steady = time.time(), time.monotonic()
        jump = (wall - self._wall) - (steady - self._steady)
        self._wall, self._steady = wall, steady
        return jump if abs(jump) > JUMP_SECONDS else 0.0
