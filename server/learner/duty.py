"""When the learner makes way for chat: between micro-steps, by how many wait and how long their tokens take.

Without a budget each micro-step waits up to half a second while chat requests run. With one, the pause
follows the time between tokens that users see: doubled while its 99th percentile is over the budget, halved
while it is well under, so that a machine with room to spare does not pause at all. It never takes from the
learner its least share of the time: under steady load learning slows down, it does not stop.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from server.busy import BusyFile

PAUSE_SECONDS = 0.5
"""The longest pause without a budget, and the first one with it."""
POLL_SECONDS = 0.005
SHORTEST_SECONDS = 0.01
"""A pause that would be shorter is none."""
LONGEST_SECONDS = 30.0
EASY = 0.8
"""Share of the budget below which the pause gets shorter."""


class Duty:
    """One learner's pauses. Called between micro-steps; returns when the next may begin.

    `settle` is called first: on a GPU it waits for the work already sent there, for kernels that are queued
    go on while a process sleeps.
    """

    def __init__(
        self,
        busy: BusyFile,
        budget_seconds: float = 0.0,
        least_share: float = 0.05,
        settle: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`budget_seconds` 0: none. `least_share`: of all time, what learning gets under steady load."""
        self._busy = busy
        self._budget = budget_seconds
        self._least_share = least_share
        self._settle, self._clock, self._sleep = settle, clock, sleep
        self._resumed = clock()
        self.pause_seconds = PAUSE_SECONDS
        """How long the next micro-step should wait while chat runs; its least share may cut that short."""

    def __call__(self) -> None:
        """Wait while chat needs the machine, at most the pause."""
        self._settle()
        began = self._clock()
        most = self.pause_seconds
        if self._budget and (load := self._busy.read()).requests:
            self._adapt(load.p99_seconds)
            most = min(self.pause_seconds, (began - self._resumed) * (1 / self._least_share - 1))
        while self._busy.read().requests and self._clock() - began < most:
            self._sleep(POLL_SECONDS)
        self._resumed = self._clock()

    def _adapt(self, p99_seconds: float) -> None:
        """A new pause from what users saw lately; what nobody could measure changes nothing."""
        if p99_seconds > self._budget:
            self.pause_seconds = min(max(2 * self.pause_seconds, PAUSE_SECONDS), LONGEST_SECONDS)
        elif 0 < p99_seconds < EASY * self._budget:
            self.pause_seconds = self.pause_seconds / 2 if self.pause_seconds > SHORTEST_SECONDS else 0.0
