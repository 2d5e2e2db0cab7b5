"""The learner: what waits, what ran, why it did or did not; pause, resume, run now."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from server.api import views
from server.api.auth import OperatorSpeaker
from server.api.context import Context, Ctx
from server.types import EditState

router = APIRouter(tags=["learner"])


@router.get("/v1/learner")
async def get_learner(
    context: Ctx, speaker: OperatorSpeaker, limit: Annotated[int, Query(ge=1, le=1000)] = 20
) -> dict[str, Any]:
    """State, queue, the last updates (newest first), and why none runs now."""
    return await asyncio.to_thread(_status, context, limit)


@router.post("/v1/learner/pause")
async def pause(context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """Start no more updates; the one that runs now finishes."""
    await context.ledger.call(context.ledger.set_paused, True, speaker.actor)
    return await asyncio.to_thread(_status, context, 20)


@router.post("/v1/learner/resume")
async def resume(context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """Go on learning."""
    await context.ledger.call(context.ledger.set_paused, False, speaker.actor)
    return await asyncio.to_thread(_status, context, 20)


@router.post("/v1/learner/run", status_code=202)
async def run(context: Ctx, speaker: OperatorSpeaker) -> JSONResponse:
    """Run one update now, with whatever waits. Asking again before it starts is the same request."""
    update_id = await context.ledger.call(context.ledger.request_run)
    return JSONResponse({"update_id": update_id}, 202)


def _status(context: Context, limit: int) -> dict[str, Any]:
    ledger = context.ledger
    paused = ledger.paused()
    said = ledger.learner_status()
    updates = ledger.updates(limit)
    running = any(update.state == "running" for update in updates)
    pending = ledger.count_pending()
    waiting_for_review = len(ledger.edits_in(EditState.QUARANTINED, 1000))
    feedback = ledger.waiting_preferences()
    state = str(said.get("state", "idle")) if running else "paused" if paused else "idle"
    return {
        "state": state if state in ("training", "gating", "paused", "idle") else "training",
        "phase": said.get("state", "idle"),
        "progress": said.get("fraction", 0.0),
        "paused": paused,
        "enabled": context.policy.learning_enabled,
        "pending": pending,
        "in_review": waiting_for_review,
        "feedback": {
            "pairs": len(feedback.pairs),
            "liked": len(feedback.liked),
            "disliked": len(feedback.disliked),
            "pairs_needed": context.policy.preference_pairs,
            "thumbs_needed": context.policy.preference_thumbs,
        },
        "why": _held(said)
        or _why(context.policy.learning_enabled, paused, running, pending, waiting_for_review),
        "updates": [views.update(update) for update in updates],
    }


def _held(said: dict[str, Any]) -> str:
    """What an operator must put right before learning goes on, '' when nothing."""
    return f"learning is held: {said.get('reason', '')}" if said.get("state") == "held" else ""


def _why(enabled: bool, paused: bool, running: bool, pending: int, in_review: int) -> str:
    """Why training goes on or not, in words."""
    if not enabled:
        return "learning is switched off (learning.enabled)"
    if running:
        return "an update is running"
    if paused:
        return "an operator paused learning"
    if pending:
        return f"{_waiting(pending)} for the batch window to close"
    reviews = f"; {_waiting(in_review)} for a review (GET /v1/reviews)" if in_review else ""
    return f"no allowed fact is waiting{reviews}"


def _waiting(count: int) -> str:
    return "1 fact waits" if count == 1 else f"{count} facts wait"
