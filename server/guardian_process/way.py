"""Chat goes first: the guardian waits between its checks while chat requests run.

On a machine with a core for each this changes nothing. Where server, engine and guardian share two, an answer
beside a guardian at work takes half as long again: niceness divides a core, it does not leave one free. What
is judged can wait: at most for so long that the guardian keeps its least share of the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from server.busy import BusyFile

LEAST_SHARE = 0.03
"""Of the time of a judgement, what the guardian works under steady load: it takes thirty times as long."""
QUIET_SECONDS = 0.1
"""Chat runs until no request was seen for so long: the next of a conversation, or of a crowd, comes at once,
and would meet a check that has just begun."""
LONGEST_SECONDS = 0.5
"""The longest pause: what took long was a judge elsewhere, which took nothing from chat."""
SHARE_OF_LIMIT = 0.5
"""Of the time that an example may take, what its pauses may: the rest is for its checks."""
POLL_SECONDS = 0.002


class Way:
    """One guardian's pauses: `begin` before each example, called before each check and after the last."""

    def __init__(
        self,
        busy: BusyFile | None,
        limit_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`busy` None: there is no chat to wait for. `limit_seconds`: what one example may take."""
        self._busy, self._clock, self._sleep = busy, clock, sleep
        self._most_seconds = SHARE_OF_LIMIT * limit_seconds
        self._left_seconds = 0.0
        self._worked_since = clock()

    def begin(self) -> None:
        """An example is taken up now: what was before it was no work."""
        self._left_seconds, self._worked_since = self._most_seconds, self._clock()

    def __call__(self) -> None:
        """Wait while chat runs; the longer what was done since the last call, the longer at most."""
        began = now = self._clock()
        due = (now - self._worked_since) * (1 / LEAST_SHARE - 1)
        until = now + min(due, LONGEST_SECONDS, self._left_seconds)
        while self._busy and now < until and self._busy.idle_seconds() < QUIET_SECONDS:
            self._sleep(POLL_SECONDS)
            now = self._clock()
        self._left_seconds -= now - began
        self._worked_since = now
