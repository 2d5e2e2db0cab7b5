"""The loop behind the reviews: denies what nobody looked at, judges again, draws spot checks, erases.

One step does a bounded piece of each and returns whether more may be waiting. One process at a time does it,
under a lease; a step that dies changes nothing halfway.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from guardian import Judges
from server.editor.again import due, judge_again
from server.editor.judge import GuardianDown, probe
from server.ledger import Ledger, UnknownEdit, UnknownTurn
from server.ledger.types import ReviewCounts, Waiting
from server.types import EditState

log = logging.getLogger("livegraft.editor")
LEASE = "reviews"
LEASE_SECONDS = 60.0
AT_A_TIME = 8
"""Edits judged again in one step: the editor's new turns must not wait long for the guardian."""
LOOK_SECONDS = 60.0
"""How often everything is looked through though nothing new was told."""
LOOKING_SHARE = 0.05
"""Of one core's time, at most, for looking what to judge again, however much waits."""
SLACK_SECONDS = 60.0
"""What is told while we look may carry a time before it."""
RETENTION_SECONDS = 3600.0
GUARDIAN_RETRY_SECONDS = 30.0
HARD_RETRY_SECONDS = 3600.0
"""Until an edit is tried again that the guardian could not judge though it judges others."""
WARN_SHARE = 0.1
"""An alarm shows in the last tenth of the time that something may wait."""


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """What the operator set."""

    quarantine_days: float = 30.0
    spot_check_share: float = 0.05
    untaught_days: float | None = None
    """None keeps what taught nothing."""
    keys: bool = True
    """Whether persons can be told apart."""
    two_persons: bool = False
    """Whether anything needs two of them."""


class ReviewsLoop:
    """`step` from one task at a time; `alarms` from anywhere."""

    def __init__(
        self,
        ledger: Ledger,
        guardian: Judges,
        options: ReviewOptions,
        *,
        owner: str = "reviews",
        at_a_time: int = AT_A_TIME,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._guardian = guardian
        self._options = options
        self._owner = owner
        self._at_a_time = at_a_time
        self._clock = clock
        self._policy = guardian.policy.version
        self._news: tuple[float, int] | None = None
        self._look_at = 0.0
        self._looked_to = self._written_to = 0.0
        self._not_before = 0.0
        self._judge_at = 0.0
        self._due: deque[Waiting] = deque()
        self._alone: dict[str, str] = {}
        self._hard: dict[str, float] = {}
        self._erase_at = 0.0
        self._counts: ReviewCounts | None = None

    def alarms(self) -> list[str]:
        """What an operator should know of the reviews, in words."""
        told: list[str] = []
        if self._options.two_persons and not self._options.keys:
            told.append(
                "reviews: the policy asks for two persons, and a server without keys cannot tell persons "
                "apart: what needs two stays in quarantine until it expires; add [[keys]] to livegraft.toml"
            )
        limit = self._options.quarantine_days * 86_400.0
        oldest = self._counts and self._counts.oldest_at
        if oldest and self._clock() > oldest + limit * (1 - WARN_SHARE):
            hours = max(0.0, oldest + limit - self._clock()) / 3600
            told.append(
                f"reviews: what waits longest is denied unseen in {hours:.0f} hours "
                "(guardian.quarantine_days); see GET /v1/reviews or `livegraft review`"
            )
        return told

    async def step(self) -> bool:
        """One piece of everything. False when there is nothing more to do for now."""
        ledger = self._ledger
        if not await ledger.call(ledger.acquire_lease, LEASE, self._owner, LEASE_SECONDS):
            return False
        await ledger.call(ledger.note_quarantine)
        expired = await ledger.call(ledger.expire, self._options.quarantine_days)
        if expired:
            log.warning("%d self-edits were denied: nobody looked at them in time", len(expired))
        await ledger.call(ledger.mark_spot_checks, self._options.spot_check_share)
        again = await self._judge_some()
        erased = await self._erase_some()
        self._counts = await asyncio.to_thread(ledger.review_counts)
        return bool(expired) or again or erased

    async def _judge_some(self) -> bool:
        """Judge again what may have another verdict now; True when there may be more."""
        now = self._clock()
        if now < self._judge_at or not (self._due or await self._look(now)):
            return False
        for _ in range(min(len(self._due), self._at_a_time)):
            try:
                await self._judge(self._due[0])
            except GuardianDown as down:
                if await asyncio.to_thread(probe, self._guardian):
                    log.error("nothing is judged again: %s", down)
                    self._judge_at = now + GUARDIAN_RETRY_SECONDS
                    return False
                # it judges other examples: this one must not keep all others waiting
                log.error("self-edit %s is judged again another time: %s", self._due[0].id[:12], down)
                self._hard[self._due[0].id] = now + HARD_RETRY_SECONDS
            self._due.popleft()
        if not self._due:
            await self._weighed()
        return True

    async def _weighed(self) -> None:
        """Everything that was told up to the last look has been weighed."""
        await self._ledger.call(self._ledger.set_looked_to, self._looked_to)
        self._written_to = self._looked_to

    async def _look(self, now: float) -> bool:
        """Find what to judge again when something was told, or now and then; True when there is any."""
        news = await asyncio.to_thread(self._ledger.newest_news)
        if now < self._not_before or (news == self._news and now < self._look_at):
            return False
        began = time.monotonic()
        found = await asyncio.to_thread(due, self._ledger, self._policy, now, self._alone)
        self._due.extend(one for one in found if self._hard.get(one.id, 0.0) <= now)
        self._news, self._look_at, self._looked_to = news, now + LOOK_SECONDS, now - SLACK_SECONDS
        if not self._due and self._looked_to > self._written_to + SLACK_SECONDS:
            await self._weighed()
        self._not_before = now + (time.monotonic() - began) / LOOKING_SHARE
        return bool(self._due)

    async def _judge(self, one: Waiting) -> None:
        ledger = self._ledger
        try:
            before = await asyncio.to_thread(ledger.edit, one.id)
            turn = await asyncio.to_thread(ledger.turn, before.turn_id)
        except (UnknownEdit, UnknownTurn):  # forgotten meanwhile
            return
        if (before.state, before.reason) != (one.state, one.reason):  # somebody decided meanwhile
            return
        judged = await asyncio.to_thread(judge_again, self._guardian, ledger, before, turn)
        after = await ledger.call(ledger.judged_again, before, judged.edit, judged.verdicts)
        if after is None or after.state is before.state:
            return
        log.info(
            "judged again: %s, was %s: %s", after.state.value, before.state.value, after.reason or "fine"
        )
        if after.state is EditState.ALLOWED:
            await ledger.call(ledger.spot_check, [one.id], self._options.spot_check_share)

    async def _erase_some(self) -> bool:
        """Erase what taught nothing and is old enough; True when there may be more."""
        days, now = self._options.untaught_days, self._clock()
        if days is None or now < self._erase_at:
            return False
        erased = await self._ledger.call(self._ledger.erase_untaught, days)
        if not erased:
            self._erase_at = now + RETENTION_SECONDS
        return bool(erased)
