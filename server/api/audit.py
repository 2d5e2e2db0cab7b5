"""The audit over HTTP: what was changed, and whether the record of it is whole."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query

from server.api import views
from server.api.auth import OperatorSpeaker
from server.api.context import Ctx
from server.ledger.audit_check import read_head

router = APIRouter(tags=["audit"])


@router.get("/v1/audit")
async def audit(
    context: Ctx, speaker: OperatorSpeaker, limit: Annotated[int, Query(ge=1, le=10_000)] = 100
) -> dict[str, Any]:
    """Every change of what is served or learned, newest first: who, when, why, on what evidence."""
    rows = await asyncio.to_thread(context.ledger.audit, limit)
    return {"audit": [views.audit(row) for row in rows]}


@router.get("/v1/audit/head")
async def head(context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """The end of the chain. Noted where the server cannot write, it shows later that nothing was cut off."""
    return views.head(await asyncio.to_thread(context.ledger.audit_head))


@router.get("/v1/audit/verify")
async def verify(context: Ctx, speaker: OperatorSpeaker, head: str = "") -> dict[str, Any]:
    """Whether the audit is what was written, every row looked at; `head` is one that was noted elsewhere."""
    noted = read_head(head) if head else None
    return views.audit_check(await asyncio.to_thread(context.ledger.verify_audit, noted))
