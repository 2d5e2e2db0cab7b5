"""/v1/feedback: what users say of answers, and what they show of a version's answers without saying it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request

from server.api import identity
from server.api.auth import FeedbackSpeaker, OperatorSpeaker
from server.api.capture import turn_id
from server.api.context import Context, Ctx
from server.api.errors import invalid
from server.api.schemas import FeedbackRequest
from server.ledger import grades
from server.types import BASE_VERSION

router = APIRouter(tags=["feedback"])


@router.post("/v1/feedback")
async def feedback(
    body: FeedbackRequest, request: Request, context: Ctx, speaker: FeedbackSpeaker
) -> dict[str, str]:
    """A thumb (`value`), a grade (`value` on a `scale`), a `comment`, a `demonstration`, or several of them.

    A demonstration is what should have been answered. It waits, as a thumb does, until the guardian has
    allowed it and there are enough for an update on feedback. Only the turn's own user teaches by it. What
    objects to an answer counts against a canary that gave it; nothing said here promotes one.

    Where nobody is named the turn's own user speaks, if the key may speak for others.
    """
    value, kind = _value(body)
    user = identity.user(context.policy.identity, speaker, request.headers, (body.user,))
    if speaker.may_speak_for_others and user == speaker.user():
        user = ""
    feedback_id = await context.ledger.call(
        context.ledger.add_feedback,
        await _turn(body, context),
        body.metric_name or kind,
        value,
        body.comment,
        body.demonstration,
        user,
        context.policy.learning_enabled,
        body.key,
    )
    context.metrics.feedback.labels(kind).inc()
    return {"feedback_id": feedback_id}


@router.get("/v1/feedback/{version}")
async def of_version(version: str, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """How many turns, users and conversations met a version, objected, or showed an answer to be no use."""
    if version != BASE_VERSION:
        await asyncio.to_thread(context.ledger.version, version)
    found = await asyncio.to_thread(context.ledger.signal_units, version)
    return {
        "version": version,
        "kinds": {
            kind: {arm.value: asdict(units) for arm, units in sorted(arms.items())}
            for kind, arms in sorted(found.items())
        },
    }


async def _turn(body: FeedbackRequest, context: Context) -> str:
    """The turn that is spoken of. Raises UnknownTurn."""
    if body.turn_id:
        return turn_id(body.turn_id)
    if not body.conversation or not body.answer:
        raise invalid(
            "Say of which turn: `turn_id`, or `conversation` and `answer` together.",
            "turn_id",
            "missing_required_parameter",
        )
    found = await asyncio.to_thread(context.ledger.turn_in, body.conversation, body.answer)
    return found.id


def _value(body: FeedbackRequest) -> tuple[Any, str]:
    """What is stored, and what kind of feedback it is."""
    if body.scale is not None:
        if isinstance(body.value, bool) or not isinstance(body.value, int | float):
            raise invalid("A grade on a scale is a number.", "value")
        try:
            return grades.grade(body.value, *body.scale), "rating"
        except ValueError as error:
            raise invalid(f"{error}.", "scale") from error
    if body.value is not None:
        return body.value, "thumb" if grades.thumb(body.value) is not None else "value"
    if body.demonstration.strip():
        return None, "demonstration"
    if body.comment.strip():
        return None, "comment"
    raise invalid(
        "Say something: `value`, `comment` or `demonstration`.", "value", "missing_required_parameter"
    )
