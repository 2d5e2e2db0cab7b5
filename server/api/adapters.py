"""Versions, what proves them, and taking them back."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from server.api import views
from server.api.auth import OperatorSpeaker
from server.api.bom import bom
from server.api.context import Context, Ctx
from server.api.made import gather
from server.api.schemas import Because, Rollback
from server.api.statement import statement
from server.types import BASE_VERSION

router = APIRouter(tags=["adapters"])


@router.get("/v1/adapters")
async def list_adapters(context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """The refs, and every version from the oldest to the newest."""
    rows = await asyncio.to_thread(context.ledger.versions)
    return {"refs": views.refs(context.control.refs()), "versions": [views.version(row) for row in rows]}


@router.get("/v1/adapters/{version}")
async def get_adapter(version: str, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """One version with the facts that its deltas carry; v0 is the base alone."""
    return await asyncio.to_thread(_detail, context, version)


@router.get("/v1/adapters/{version}/proof")
async def proof(version: str, context: Ctx, speaker: OperatorSpeaker) -> dict[str, object]:
    """File hashes, and the hash of the logits on fixed prompts, computed now."""
    return await context.control.proof(version)


@router.get("/v1/adapters/{version}/statement")
async def get_statement(version: str, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """What the version was made of and how, as an in-toto Statement with SLSA provenance, not signed."""
    return statement(await gather(context, version))


@router.get("/v1/adapters/{version}/bom")
async def get_bom(version: str, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """The same as a CycloneDX bill of materials."""
    return bom(await gather(context, version))


@router.post("/v1/adapters/rollback")
async def rollback(body: Rollback, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """Serve an earlier version again, at once for new requests, with the proof that it is the same bits."""
    refs = await context.control.rollback(body.to, speaker.actor, body.reason)
    return {
        "refs": views.refs(refs),
        "version": refs.stable,
        "proof": await context.control.proof(refs.stable),
    }


@router.post("/v1/adapters/deltas/{delta_id}/revoke")
async def revoke(delta_id: str, body: Because, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """Serve stable without one delta: a new version made of the others."""
    row = await context.control.revoke(delta_id, speaker.actor, body.reason)
    return {"refs": views.refs(context.control.refs()), "version": row.name, "adapter": views.version(row)}


def _detail(context: Context, name: str) -> dict[str, Any]:
    if name == BASE_VERSION:
        return {
            "version": BASE_VERSION,
            "digest": context.engine.base_digest,
            "deltas": [],
            "parent": None,
            "created_at": None,
            "gate": None,
            "facts": [],
            "provenance": [],
        }
    ledger = context.ledger
    row = ledger.version(name)
    deltas = [ledger.delta(delta_id) for delta_id in row.deltas]
    return {
        **views.version(row),
        "facts": [
            {"edit_id": edit.id, "turn_id": edit.turn_id, "user": edit.user, "statement": edit.statement}
            for edit in ledger.trained_edits(row)
        ],
        "provenance": [
            {
                "delta": delta.id,
                "created_at": delta.created_at,
                "update_id": delta.update_id,
                "edits": list(delta.edits),
            }
            for delta in deltas
        ],
    }
