"""POST /v1/feedback: what a user says of an answer."""

from __future__ import annotations

from fastapi import APIRouter, Request

from server.api import identity
from server.api.auth import FeedbackSpeaker
from server.api.capture import turn_id
from server.api.context import Ctx
from server.api.schemas import FeedbackRequest

router = APIRouter(tags=["feedback"])


@router.post("/v1/feedback")
async def feedback(
    body: FeedbackRequest, request: Request, context: Ctx, speaker: FeedbackSpeaker
) -> dict[str, str]:
    """`value` false, zero or below objects to the answer, and counts against a canary that gave it.

    A demonstration is what should have been answered. It waits, as a thumb does, until the guardian has
    allowed it and there are enough for an update on feedback. Only the turn's own user teaches by it.

    Where nobody is named the turn's own user speaks, if the key may speak for others.
    """
    user = identity.user(context.policy.identity, speaker, request.headers, (body.user,))
    if speaker.may_speak_for_others and user == speaker.user():
        user = ""
    feedback_id = await context.ledger.call(
        context.ledger.add_feedback,
        turn_id(body.turn_id),
        body.metric_name,
        body.value,
        body.comment,
        body.demonstration,
        user,
        context.policy.learning_enabled,
    )
    context.metrics.feedback.labels(type(body.value).__name__).inc()
    return {"feedback_id": feedback_id}
