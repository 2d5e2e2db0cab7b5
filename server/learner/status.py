"""What the learner is doing, as the ledger shows it to whoever asks."""

from __future__ import annotations

import os
import time

from server.ledger import Ledger

PAUSE_SECONDS = 1.0
"""Between two tellings of the same state: each is a commit to disk."""


class Status:
    """Tells the ledger at once when the state changes, else once a second."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._said, self._said_at = ("", 0.0), 0.0

    def say(self, state: str, fraction: float = 0.0, reason: str = "") -> None:
        """`fraction` of the phase that is done; `reason`: why learning is held."""
        now = time.monotonic()
        soon = now - self._said_at < PAUSE_SECONDS
        if (state, fraction) == self._said or (state == self._said[0] and soon):
            return
        self._said, self._said_at = (state, fraction), now
        status = {"state": state, "fraction": round(fraction, 3), "pid": os.getpid(), "reason": reason}
        self._ledger.set_learner_status(status)
