"""GET /v1/models: the routed model and its pinned versions."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from server.api.ask import model_suffix
from server.api.auth import ChatSpeaker
from server.api.context import Context, Ctx
from server.types import BASE_VERSION, VersionRow

router = APIRouter(tags=["chat"])


@router.get("/v1/models")
async def list_models(context: Ctx, speaker: ChatSpeaker) -> dict[str, Any]:
    """`NAME` is routed; `NAME@stable`, `@canary`, `@base` and `@v12` are pinned to one version."""
    rows = await asyncio.to_thread(context.ledger.versions)
    created = {row.name: row for row in rows if not row.erased}
    refs = context.control.refs()
    names: list[str | None] = [None, "stable", *(["canary"] if refs.canary else []), "base"]
    return {
        "object": "list",
        "data": [_model(context, name, created) for name in [*names, *reversed(created)]],
    }


@router.get("/v1/models/{model_id:path}")
async def get_model(model_id: str, context: Ctx, speaker: ChatSpeaker) -> dict[str, Any]:
    """One model by the id that chat takes."""
    suffix = model_suffix(model_id, context.engine.model_name)
    context.control.choose("", suffix)
    rows = await asyncio.to_thread(context.ledger.versions)
    return _model(context, suffix, {row.name: row for row in rows})


def _model(context: Context, suffix: str | None, rows: dict[str, VersionRow]) -> dict[str, Any]:
    name = context.engine.model_name
    refs = context.control.refs()
    named = {None: refs.stable, "stable": refs.stable, "canary": refs.canary, "base": BASE_VERSION}
    version = named.get(suffix, suffix) or BASE_VERSION
    row = rows.get(version)
    return {
        "id": f"{name}@{suffix}" if suffix else name,
        "object": "model",
        "created": int(row.created_at) if row else 0,
        "owned_by": "livegraft",
        "root": f"{name}@{version}",
        "parent": None if version == BASE_VERSION and suffix else name,
        "max_model_len": context.engine.max_model_len,
        "adapter": {"version": version, "digest": row.digest if row else context.engine.base_digest},
    }
