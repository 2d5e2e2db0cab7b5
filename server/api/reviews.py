"""Self-edits that wait for a person."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query

from server.api import views
from server.api.auth import OperatorSpeaker
from server.api.context import Ctx
from server.api.errors import ApiError
from server.api.schemas import ReviewDecision
from server.types import EditState, SelfEdit

router = APIRouter(tags=["reviews"])


@router.get("/v1/reviews")
async def list_reviews(
    context: Ctx, speaker: OperatorSpeaker, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> dict[str, Any]:
    """Oldest first, each with what the guardian found."""

    def read() -> list[dict[str, Any]]:
        ledger = context.ledger
        return [views.edit(row, ledger.verdicts(row.id)) for row in ledger.reviews(limit)]

    return {"reviews": await asyncio.to_thread(read)}


@router.post("/v1/reviews/{edit_id}")
async def decide(
    edit_id: str, body: ReviewDecision, context: Ctx, speaker: OperatorSpeaker
) -> dict[str, Any]:
    """Approve: the learner may train it. Deny: it is never trained. The reason stands in the audit."""

    def settle() -> SelfEdit:
        before = context.ledger.edit(edit_id)
        if before.state is not EditState.QUARANTINED:
            raise ApiError(
                409, f"This edit does not wait for a review; it is {before.state.value}.", code="not_now"
            )
        approved = body.decision == "approve"
        state = EditState.ALLOWED if approved else EditState.BLOCKED
        reason = f"{'approved' if approved else 'denied'} by {speaker.actor}: {body.reason}"
        return context.ledger.set_edit_state(edit_id, state, reason, speaker.actor)

    return views.edit(await context.ledger.call(settle))
