"""The learner's updates as OpenAI's fine-tuning jobs: to be looked at, and to pause learning and go on.

Jobs are made by conversations, not by uploads: there is no creating one here (POST /v1/learner/run starts
what waits). Pausing holds the learner, so every job that has not begun; one that runs is finished.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query

from server.api.auth import OperatorSpeaker
from server.api.context import Context, Ctx
from server.api.errors import ApiError, not_found
from server.types import Update, UpdateState, VersionRow

router = APIRouter(tags=["learner"])
Limit = Annotated[int, Query(ge=1, le=100)]
MOST_JOBS = 10_000
STATUS = {
    UpdateState.RUNNING: "running",
    UpdateState.ACCEPTED: "succeeded",
    UpdateState.REJECTED: "failed",
    UpdateState.ABORTED: "cancelled",
    UpdateState.NOTHING_TO_DO: "cancelled",
}


@router.get("/v1/fine_tuning/jobs")
async def list_jobs(
    context: Ctx, speaker: OperatorSpeaker, after: str | None = None, limit: Limit = 20
) -> dict[str, Any]:
    """Newest first, one that was asked for and has not begun before all others."""
    jobs = await asyncio.to_thread(_jobs, context)
    return _page(jobs, after, limit)


@router.get("/v1/fine_tuning/jobs/{job_id}")
async def get_job(job_id: str, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """One job by its update's id."""
    return await asyncio.to_thread(_job_of, context, job_id)


@router.get("/v1/fine_tuning/jobs/{job_id}/events")
async def list_events(
    job_id: str, context: Ctx, speaker: OperatorSpeaker, after: str | None = None, limit: Limit = 20
) -> dict[str, Any]:
    """What happened, newest first; of an update that made a version also the gate's counts, as metrics."""
    events = await asyncio.to_thread(_events, context, job_id)
    return _page(events, after, limit)


@router.post("/v1/fine_tuning/jobs/{job_id}/pause")
async def pause_job(job_id: str, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """Hold the learner."""
    return await _switch(context, job_id, True, speaker.actor)


@router.post("/v1/fine_tuning/jobs/{job_id}/resume")
async def resume_job(job_id: str, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """Let the learner go on."""
    return await _switch(context, job_id, False, speaker.actor)


async def _switch(context: Context, job_id: str, paused: bool, actor: str) -> dict[str, Any]:
    job = await asyncio.to_thread(_job_of, context, job_id)
    if job["finished_at"] is not None:
        raise ApiError(
            409, f"{job_id} has ended ({job['status']}): nothing is left to pause or resume.", code="not_now"
        )
    await context.ledger.call(context.ledger.set_paused, paused, actor)
    return await asyncio.to_thread(_job_of, context, job_id)


def _jobs(context: Context) -> list[dict[str, Any]]:
    jobs = [_job(context, update) for update in context.ledger.updates(MOST_JOBS)]
    asked = context.ledger.requested_run()
    return jobs if asked is None else [_queued(context, asked), *jobs]


def _job_of(context: Context, job_id: str) -> dict[str, Any]:
    if context.ledger.requested_run() == job_id:
        return _queued(context, job_id)
    return _job(context, context.ledger.update_of(job_id))


def _job(context: Context, update: Update) -> dict[str, Any]:
    name, version = context.engine.model_name, update.version
    status = STATUS[update.state]
    failed = status == "failed" or update.state is UpdateState.ABORTED
    return {
        **_described(context, update.id, status),
        "created_at": int(update.created_at),
        "finished_at": None if update.finished_at is None else int(update.finished_at),
        "fine_tuned_model": f"{name}@{version}" if version and status == "succeeded" else None,
        "error": {"code": update.state.value, "message": update.reason, "param": None} if failed else None,
        "metadata": {"kind": update.kind.value, "facts": str(update.edits), "reason": update.reason[:512]},
    }


def _queued(context: Context, update_id: str) -> dict[str, Any]:
    """A run that was asked for and waits for the learner."""
    status = "paused" if context.ledger.paused() else "queued"
    return {
        **_described(context, update_id, status),
        "created_at": 0,
        "finished_at": None,
        "fine_tuned_model": None,
        "error": None,
        "metadata": {"kind": "learn"},
    }


def _described(context: Context, job_id: str, status: str) -> dict[str, Any]:
    """What OpenAI's clients want of every job, where it means nothing here too: no file was uploaded."""
    return {
        "id": job_id,
        "object": "fine_tuning.job",
        "model": context.engine.model_name,
        "status": status,
        "organization_id": "livegraft",
        "hyperparameters": {},
        "method": {"type": "supervised"},
        "seed": context.policy.seed,
        "training_file": "conversations",
        "validation_file": None,
        "result_files": [],
        "trained_tokens": None,
        "estimated_finish": None,
        "integrations": [],
    }


def _events(context: Context, job_id: str) -> list[dict[str, Any]]:
    job = _job_of(context, job_id)
    failed = job["error"] is not None
    events = [
        _event(f"ftevent-{event.id}", event.at, event.text, "error" if failed and n else "info")
        for n, event in enumerate(context.ledger.events_of("update", job_id))
    ]
    version = (job["fine_tuned_model"] or "").rpartition("@")[2]
    if version:
        events.append(_measured(job_id, context.ledger.version(version)))
    return events[::-1]


def _measured(job_id: str, row: VersionRow) -> dict[str, Any]:
    """The gate's counts, each as the share that passed."""
    checks: Any = row.gate.get("checks", {})
    shares = {name: check["passed"] / check["asked"] for name, check in checks.items() if check["asked"]}
    text = f"the gate's checks of {row.name}, as shares that passed"
    measured = _event(f"ftevent-{job_id}-gate", row.created_at, text, "info")
    return {**measured, "type": "metrics", "data": shares}


def _event(event_id: str, at: float, text: str, level: str) -> dict[str, Any]:
    return {
        "id": event_id,
        "object": "fine_tuning.job.event",
        "created_at": int(at),
        "level": level,
        "message": text,
        "type": "message",
    }


def _page(rows: Sequence[dict[str, Any]], after: str | None, limit: int) -> dict[str, Any]:
    """What follows the row named `after`. Raises ApiError 404 when there is none of that name."""
    start = 0
    if after:
        places = [n for n, row in enumerate(rows) if row["id"] == after]
        if not places:
            raise not_found(f"There is no {after!r} to go on after.", param="after")
        start = places[0] + 1
    page = rows[start : start + limit]
    return {"object": "list", "data": list(page), "has_more": start + limit < len(rows)}
