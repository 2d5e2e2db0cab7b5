"""Takes feedback off the ledger and stores the preferences that come of it. One step is one feedback.

No model writes here, so a job takes milliseconds; while the guardian cannot judge, feedback waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from guardian import Judges
from server.editor.judge import GuardianDown, probe
from server.editor.knowledge import Knowledge
from server.editor.preference import judge_preference, written
from server.ledger import Job, Ledger, StaleFence, UnknownTurn
from server.types import SelfEdit

log = logging.getLogger("livegraft.editor")
LEASE_SECONDS = 30.0
RETRY_SECONDS = 15.0


class PreferenceLoop:
    """`step` from one task at a time."""

    def __init__(self, ledger: Ledger, guardian: Judges, *, owner: str = "preferences") -> None:
        self._ledger = ledger
        self._guardian = guardian
        self._knowledge = Knowledge(ledger, guardian.policy)
        self._owner = owner
        self._trouble = ""

    def alarms(self) -> list[str]:
        """What keeps feedback from being judged, in words; empty when all is well."""
        return [f"feedback: nothing is learned: {self._trouble}"] if self._trouble else []

    async def step(self) -> bool:
        """Turn one feedback into a preference. False when there is nothing to do or it cannot be done now."""
        if not await asyncio.to_thread(self._ledger.job_due, "preference"):
            return False
        job = await self._ledger.call(self._ledger.claim_job, "preference", self._owner, LEASE_SECONDS)
        if job is None:
            return False
        try:
            await self._do(job)
        except StaleFence as lost:
            log.warning("a feedback is dropped, somebody else judges it: %s", lost)
        except asyncio.CancelledError:
            with contextlib.suppress(StaleFence):
                await asyncio.shield(self._ledger.call(self._ledger.release_job, job))
            raise
        except GuardianDown as down:
            if await asyncio.to_thread(probe, self._guardian):
                self._trouble = str(down)
                await self._give_back(job)
                return False
            log.error("feedback on turn %s is judged later: %s", job.payload["turn_id"], down)
            await self._give_back(job, str(down))
        except Exception as error:  # a failed job keeps its reason and is tried again
            reason = f"{type(error).__name__}: {error}"
            log.exception("judging a feedback failed")
            with contextlib.suppress(StaleFence):
                await self._ledger.call(self._ledger.fail_job, job, reason, RETRY_SECONDS)
        else:
            self._trouble = ""
        return True

    async def _give_back(self, job: Job, reason: str = "") -> None:
        """The feedback loses nothing, however often: it is not its fault."""
        with contextlib.suppress(StaleFence):
            await self._ledger.call(self._ledger.release_job, job, reason)

    async def _do(self, job: Job) -> None:
        finish = self._ledger.finish_preference_job
        try:
            turn = await self._ledger.call(self._ledger.turn, str(job.payload["turn_id"]))
            said = [f for f in self._ledger.feedback(turn.id) if f.id == job.payload["feedback_id"]]
        except UnknownTurn:
            said = []
        if not said:
            await self._ledger.call(finish, job, None, (), "the turn was forgotten")
            return
        edit = written(turn, said[0])
        if not isinstance(edit, SelfEdit):
            await self._ledger.call(finish, job, None, (), edit)
            return
        background = await asyncio.to_thread(self._knowledge.of_edit, edit, turn)
        judged = await asyncio.to_thread(judge_preference, self._guardian, edit, turn, background)
        await self._ledger.call(finish, job, judged.edit, judged.verdicts)
