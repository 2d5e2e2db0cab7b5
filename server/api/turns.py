"""What became of a turn, and what one would teach."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from fastapi import APIRouter, Request

from server.api import identity, views
from server.api.ask import read_messages
from server.api.auth import ChatSpeaker
from server.api.capture import turn_id as own_id
from server.api.context import Ctx
from server.api.errors import not_found
from server.api.schemas import PreviewRequest

router = APIRouter(tags=["turns"])


@router.get("/v1/turns/{turn_id}")
async def get_turn(turn_id: str, context: Ctx, speaker: ChatSpeaker) -> dict[str, Any]:
    """Lineage: turn → self-edits → verdicts → deltas → versions. A completion's id names its turn too.

    Operators see every turn, other keys those that they made themselves.
    """
    found = await asyncio.to_thread(context.ledger.lineage, own_id(turn_id))
    if not speaker.operator and found.turn.key_name != speaker.key_name:
        raise not_found(f"No turn {turn_id!r} is in the ledger.")
    return views.lineage(found)


@router.post("/v1/turns/preview")
async def preview(
    body: PreviewRequest, request: Request, context: Ctx, speaker: ChatSpeaker
) -> dict[str, object]:
    """Dry run: what would this turn teach, and what would the guardian say. Stores nothing."""
    user = identity.user(context.policy.identity, speaker, request.headers, (body.user,))
    found = await context.control.preview(
        read_messages(body.messages), user, speaker.key_name, speaker.operator
    )
    for edit in cast(list[dict[str, Any]], found["self_edits"]):
        edit["explanations"] = views.explanations(edit["examples"])
    return found
