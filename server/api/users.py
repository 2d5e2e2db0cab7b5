"""Forget a user: rows, weights and files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from server.api import views
from server.api.auth import OperatorSpeaker
from server.api.context import Ctx

router = APIRouter(tags=["users"])


@router.delete("/v1/users/{user_id:path}")
async def forget(
    user_id: str, context: Ctx, speaker: OperatorSpeaker, replayed: Annotated[bool, Query()] = False
) -> dict[str, Any]:
    """Forget this user everywhere, weights included. Again is no error; a user never heard of is.

    `replayed` also takes out the deltas that were trained while this user's facts were replayed.
    """
    found = await context.control.forget(user_id, replayed, speaker.actor)
    return {**found, "refs": views.refs(context.control.refs()), "note": _note(found)}


def _note(found: dict[str, Any]) -> str:
    """What a person should know of it, in words."""
    counts, words = found["forgotten"], []
    if found["again"]:
        words.append("This user was forgotten before; these are the counts of that time.")
    if counts["relearning"]:
        words.append(
            f"Facts of others that were in the same deltas: {counts['relearning']}. Until they are learned "
            "again and have passed the gate, they are gone from the weights."
        )
    if found["trained_beside"]:
        words.append(
            f"Other deltas that were trained while this user's facts were replayed: "
            f"{len(found['trained_beside'])}. `replayed=true` (--replayed) would have taken those out too."
        )
    if not found["finished"]:
        words.append("Files are deleted as soon as the last answer from an erased version has ended.")
    return " ".join(words) or "Everything is erased."
