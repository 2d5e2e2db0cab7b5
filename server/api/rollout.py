"""The canary: who meets it, on what evidence, and the operator's word."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

from fastapi import APIRouter

from server.api import views
from server.api.auth import OperatorSpeaker
from server.api.context import Context, Ctx
from server.api.errors import invalid
from server.api.schemas import Because, RolloutChange
from server.types import Rollout

router = APIRouter(tags=["rollout"])


@router.get("/v1/rollout")
async def get_rollout(context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """The live rollout, state "none" when there is none."""
    return await _report(context, context.control.rollout())


@router.patch("/v1/rollout")
async def change(body: RolloutChange, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """Widen the slice, or hold the canary and show it again. Both stand in the audit."""
    if body.weight is None and body.paused is None:
        raise invalid("Nothing to change: give weight, paused or both.", code="missing_required_parameter")
    rollout = context.control.rollout()
    if body.weight is not None:
        rollout = await context.control.set_weight(body.weight, speaker.actor, body.reason)
    if body.paused is not None:
        rollout = await context.control.hold(body.paused, speaker.actor, body.reason)
    return await _report(context, rollout)


@router.post("/v1/rollout/promote")
async def promote(body: Because, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """Make the canary everybody's now."""
    return {"refs": views.refs(await context.control.promote(speaker.actor, body.reason))}


@router.post("/v1/rollout/abort")
async def abort(body: Because, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """Withdraw the canary now; its facts wait for a review."""
    return {"refs": views.refs(await context.control.abort(speaker.actor, body.reason))}


async def _report(context: Context, rollout: Rollout | None) -> dict[str, Any]:
    refs = context.control.refs()
    arms = {"stable": refs.stable, "canary": refs.canary}
    if rollout is None:
        return {
            "state": "none",
            "version": None,
            "weight": 0.0,
            "steps": [],
            "arms": arms,
            "evidence": {},
            "reason": await context.control.waiting(),
        }
    counts = await asyncio.to_thread(context.ledger.rollout_counts, rollout.id)
    return {
        "id": rollout.id,
        "state": rollout.state,
        "version": rollout.version,
        "weight": rollout.weight,
        "arms": arms,
        "evidence": dataclasses.asdict(counts),
        "started_at": rollout.started_at,
        "reason": rollout.reason,
        **await context.control.evidence(rollout),
    }
