"""Keeps implicit feedback up to date: what later messages show of earlier answers, soon after they came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from server.ledger import Ledger


class SignalsLoop:
    """`step` from one task at a time; any number of processes may run one, a turn is looked at once."""

    def __init__(self, ledger: Ledger, count: Callable[[Mapping[str, int]], None] | None = None) -> None:
        """`count` is told of each step that found something: signals by kind."""
        self._ledger = ledger
        self._count = count

    async def step(self) -> bool:
        """Look at the turns that nobody looked at yet, a few hundred at most; False when there are none."""
        if not await asyncio.to_thread(self._ledger.signals_due):
            return False  # asked on a read: an idle server writes nothing
        looked, found = await self._ledger.call(self._ledger.derive_signals)
        if found and self._count is not None:
            self._count(found)
        return looked > 0
