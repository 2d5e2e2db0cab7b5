"""Alarms as events: what is wrong is told once when it begins and once when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from server.ledger import Ledger

LEASE_SECONDS = 30.0


class AlarmTeller:
    """`step` from one task; of several processes of a home one tells, so that theirs do not contradict."""

    def __init__(self, ledger: Ledger, alarms: Callable[[], Sequence[str]], owner: str) -> None:
        self._ledger = ledger
        self._alarms = alarms
        self._owner = owner
        self._told: frozenset[str] | None = None

    async def step(self) -> bool:
        """Tell what began and what is over since the last step. False when nothing did."""
        now = frozenset(self._alarms())
        if self._told is None:  # somebody before this process may have told of some
            self._told = frozenset(await asyncio.to_thread(self._ledger.alarms_told))
        if now == self._told:
            return False
        if not await self._ledger.call(self._ledger.acquire_lease, "alarms", self._owner, LEASE_SECONDS):
            self._told = None
            return False
        await self._ledger.call(self._ledger.tell_alarms, sorted(now))
        self._told = now
        return True
