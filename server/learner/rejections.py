"""When one update after another is refused, somebody should look: at the recipe, or at what is being told."""

from __future__ import annotations

import asyncio

from server.ledger import Ledger
from server.types import UpdateKind, UpdateState

IN_A_ROW = 3
_READ = 50
"""Updates looked at: other kinds of runs and those with nothing to do come between."""


class Rejections:
    """Watches how the last updates ended, for /readyz."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._reasons: list[str] = []

    async def refresh(self) -> None:
        """Read the last updates again."""
        self._reasons = await asyncio.to_thread(self._refused_in_a_row)

    def alarms(self) -> list[str]:
        """What the operator should know, in words; empty when all is well."""
        if len(self._reasons) < IN_A_ROW:
            return []
        return [
            f"learner: the last {len(self._reasons)} updates were refused, the newest because of: "
            f"{self._reasons[0]}. Their facts stay in memory; see GET /v1/learner."
        ]

    def _refused_in_a_row(self) -> list[str]:
        reasons: list[str] = []
        for update in self._ledger.updates(_READ):
            if update.kind is not UpdateKind.LEARN or update.state in (
                UpdateState.RUNNING,
                UpdateState.NOTHING_TO_DO,
            ):
                continue
            if update.state is not UpdateState.REJECTED:
                break
            reasons.append(update.reason)
        return reasons
