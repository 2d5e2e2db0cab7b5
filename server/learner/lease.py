"""Keeping a claim alive while the work on it goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from server.ledger import Ledger, LedgerError

if TYPE_CHECKING:
    from server.ledger.types import Claim


@contextmanager
def kept_alive(ledger: Ledger, claim: Claim, lease_seconds: float) -> Iterator[None]:
    """Renew the lease from a thread for as long as the block runs."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(lease_seconds / 3):
            try:
                ledger.heartbeat_claim(claim, lease_seconds)
            except LedgerError:
                return  # lost: finish_update will refuse

    thread = threading.Thread(target=beat, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
