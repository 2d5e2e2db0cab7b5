"""The editor's loop: takes turns off the ledger, lets the model write self-edits, stores what is judged.

One step is one turn. The lease is kept alive while the model writes; a step that dies leaves the job to be
claimed again, and edit ids make a second writing harmless. Learning fails closed: while the guardian cannot
judge, no job is claimed and an alarm shows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict

from guardian import Decision, Judges
from server.crash import crash_point
from server.editor.extract import in_words
from server.editor.judge import GuardianDown, Judged, judge, probe
from server.editor.knowledge import Knowledge
from server.editor.writer import WriteReport, write_report
from server.engine.types import Engine, VersionNotLoaded
from server.ledger import Job, Ledger, StaleFence, UnknownTurn
from server.types import BASE_VERSION, Turn

log = logging.getLogger("livegraft.editor")
LEASE_SECONDS = 30.0
RETRY_SECONDS = 15.0
"""Doubled with every attempt, up to an hour."""
GUARDIAN_RETRY_SECONDS = 10.0


class EditorLoop:
    """Writes self-edits for turns. `step` from one task at a time; `preview` from anywhere."""

    def __init__(
        self,
        ledger: Ledger,
        engine: Engine,
        guardian: Judges,
        *,
        owner: str = "editor",
        lease_seconds: float = LEASE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._engine = engine
        self._guardian = guardian
        self._knowledge = Knowledge(ledger, guardian.policy)
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._retry_seconds = retry_seconds
        self._clock = clock
        self._guardian_trouble = ""
        self._guardian_again_at = 0.0

    def alarms(self) -> list[str]:
        """What keeps the editor from working, in words; empty when all is well."""
        return [f"editor: nothing is learned: {self._guardian_trouble}"] if self._guardian_trouble else []

    async def step(self) -> bool:
        """Write and judge one turn. False when there was nothing to do, or the guardian cannot judge."""
        if self._guardian_trouble and not await self._guardian_is_back():
            return False
        if not await asyncio.to_thread(self._ledger.job_due, "edit"):
            return False  # asked on a read: an idle server writes nothing
        job = await self._ledger.call(self._ledger.claim_job, "edit", self._owner, self._lease_seconds)
        if job is None:
            return False
        crash_point("editor.claimed")
        try:
            async with self._kept_alive(job):
                await self._do(job)
        except StaleFence as lost:
            log.warning("a turn's self-edits are dropped, somebody else writes them: %s", lost)
        except GuardianDown as down:
            if await asyncio.to_thread(probe, self._guardian):
                self._trouble(str(down))
                await self._give_back(job)
            else:  # it judges other examples: this turn must not keep everybody's waiting
                log.error("turn %s is judged later: %s", job.payload["turn_id"], down)
                await self._give_back(job, str(down))
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back(job))
            raise
        except Exception as error:  # a failed job keeps its reason and is tried again
            await self._failed(job, error)
        return True

    async def preview(self, turn: Turn) -> dict[str, object]:
        """What a turn would teach and the guardian say: `{"self_edits", "reason"}`. Stores nothing.

        Raises GuardianDown and EngineError.
        """
        report, judged = await self._write(turn)
        return {"self_edits": [_shown(one) for one in judged], "reason": note(report)}

    async def _do(self, job: Job) -> None:
        try:
            turn = await self._ledger.call(self._ledger.turn, str(job.payload["turn_id"]))
        except UnknownTurn:
            await self._ledger.call(self._ledger.finish_edit_job, job, [], "the turn was forgotten")
            return
        report, judged = await self._write(turn)
        rows = [(one.edit, one.verdicts) for one in judged]
        crash_point("editor.judged")
        await self._ledger.call(self._ledger.finish_edit_job, job, rows, note(report))
        crash_point("editor.finished")
        for one in judged:
            log.info(
                "self-edit of turn %s: %s: %s", turn.id, one.edit.state.value, one.edit.reason or "written"
            )

    async def _write(self, turn: Turn) -> tuple[WriteReport, list[Judged]]:
        try:
            report = await write_report(self._engine, turn, self._version_for(turn))
        except VersionNotLoaded:  # unloaded between the look and the request
            report = await write_report(self._engine, turn, BASE_VERSION)
        judged: list[Judged] = []
        for edit in report.edits:
            beside = [one.edit for one in judged]
            background = await asyncio.to_thread(self._knowledge.of_edit, edit, turn, beside)
            judged.append(await asyncio.to_thread(judge, self._guardian, edit, turn, background))
        return report, judged

    def _version_for(self, turn: Turn) -> str:
        """The version that answered; what is served as stable when that one is no longer loaded."""
        loaded = self._engine.loaded()
        wanted = (turn.version, self._ledger.refs().stable)
        return next((version for version in wanted if version in loaded), BASE_VERSION)

    @asynccontextmanager
    async def _kept_alive(self, job: Job) -> AsyncIterator[None]:
        """Renew the lease three times in its length while the body runs. A lost lease cancels the body."""
        body = asyncio.current_task()
        assert body is not None
        lost: list[StaleFence] = []

        async def beat() -> None:
            while True:
                await asyncio.sleep(self._lease_seconds / 3)
                try:
                    await self._ledger.call(self._ledger.heartbeat_job, job, self._lease_seconds)
                except StaleFence as error:
                    lost.append(error)
                    body.cancel()
                    return

        beating = asyncio.create_task(beat(), name="editor-heartbeat")
        try:
            yield
        except asyncio.CancelledError:
            if lost:
                body.uncancel()
                raise lost[0] from None
            raise
        finally:
            beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await beating

    async def _guardian_is_back(self) -> bool:
        if self._clock() < self._guardian_again_at:
            return False
        trouble = await asyncio.to_thread(probe, self._guardian)
        if trouble:
            self._trouble(trouble)
            return False
        log.info("the guardian judges again: learning goes on")
        self._guardian_trouble = ""
        return True

    def _trouble(self, reason: str) -> None:
        if reason != self._guardian_trouble:
            log.error("nothing is learned: %s", reason)
        self._guardian_trouble = reason
        self._guardian_again_at = self._clock() + GUARDIAN_RETRY_SECONDS

    async def _give_back(self, job: Job, reason: str = "") -> None:
        """The turn loses nothing, however often: it is not its fault."""
        with contextlib.suppress(StaleFence):
            await self._ledger.call(self._ledger.release_job, job, reason)

    async def _failed(self, job: Job, error: Exception) -> None:
        reason = f"{type(error).__name__}: {error}"
        retry_seconds = min(3600.0, self._retry_seconds * 2.0 ** (job.attempts - 1))
        log.error("writing self-edits failed, again in %.0f s: %s", retry_seconds, reason)
        with contextlib.suppress(StaleFence):
            await self._ledger.call(self._ledger.fail_job, job, reason, retry_seconds)


def _shown(judged: Judged) -> dict[str, object]:
    """A judged self-edit as JSON-ready data: each example with its verdict, the worst on top."""
    edit = judged.edit
    decisions = [Decision[str(verdict["decision"]).upper()] for verdict in judged.verdicts]
    return {
        "statement": edit.statement,
        "value": edit.value,
        "subject": edit.subject,
        "state": edit.state.value,
        "reason": edit.reason,
        "examples": [
            {**asdict(example), "verdict": verdict}
            for example, verdict in zip(edit.examples, judged.verdicts, strict=True)
        ],
        "verdict": {
            "decision": max(decisions, default=Decision.BLOCK).name.lower(),
            "findings": [finding for verdict in judged.verdicts for finding in verdict["findings"]],
        },
    }


def note(report: WriteReport) -> str:
    """Why a turn teaches nothing, or what of it was left out; '' when everything stated was written."""
    left_out = [f"'{fact.statement}': {fact.reason}" for fact in report.facts if fact.reason]
    if not report.edits and not left_out:
        return in_words(report.skipped)
    return "; ".join(left_out)[:1000]
