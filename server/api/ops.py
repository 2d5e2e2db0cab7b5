"""Health, readiness and metrics. They need no key: they show no text and no names."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from server.api.context import Context, Ctx
from server.api.reviews import counts
from server.ledger.errors import LedgerError

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives and answers; says nothing of the model."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(context: Ctx) -> JSONResponse:
    """Whether chat can be served now; 503 with the reasons if not. Alarms do not make it unready."""
    ready, reasons = context.control.ready()
    health = context.engine.health()
    body = {
        "ready": ready,
        "reasons": reasons,
        "alarms": context.control.alarms(),
        "reviews": await asyncio.to_thread(_reviews, context),
        "engine": {"alive": health.alive, "running": health.running, "waiting": health.waiting},
    }
    return JSONResponse(body, 200 if ready else 503)


@router.get("/metrics")
async def metrics(context: Ctx) -> Response:
    """Prometheus' text format."""
    await asyncio.to_thread(_measure, context)
    await _measure_rollout(context)
    return Response(generate_latest(context.metrics.registry), media_type=CONTENT_TYPE_LATEST)


async def _measure_rollout(context: Context) -> None:
    """The live rollout's figures; none when there is none, or the ledger cannot be read."""
    rollout, shown = context.control.rollout(), context.metrics.rollout
    try:
        told = await context.control.evidence(rollout) if rollout is not None else None
        ended = await asyncio.to_thread(context.ledger.rollouts_by_state)
    except LedgerError:
        told, ended = None, {}
    shown.show(rollout.state if rollout else "", rollout.weight if rollout else 0.0, told)
    for state, count in ended.items():
        shown.ended.labels(state).set(count)


def _measure(context: Context) -> None:
    """Set the gauges, which are read and not counted."""
    shown, control = context.metrics, context.control
    health = context.engine.health()
    shown.engine_running.set(health.running)
    shown.engine_waiting.set(health.waiting)
    rollout = control.rollout()
    live = rollout is not None and rollout.state in ("canary", "bake")
    shown.canary_weight.set(rollout.weight if rollout is not None and live else 0.0)
    shown.alarms.set(len(control.alarms()))
    shown.ready.set(1 if control.ready()[0] else 0)
    try:
        shown.edits_pending.set(context.ledger.count_pending())
        shown.audit_rows.set(context.ledger.audit_head().position)
    except LedgerError:
        shown.audit_rows.set(float("nan"))
        shown.edits_pending.set(float("nan"))  # metrics must show even when the ledger does not
    told = _reviews(context) or dict.fromkeys(
        ("waiting", "oldest_seconds", "expired", "spot_checks"), float("nan")
    )
    shown.reviews_waiting.set(told["waiting"])
    shown.reviews_oldest.set(told["oldest_seconds"] or 0.0)
    shown.reviews_expired.set(told["expired"])
    shown.spot_checks_open.set(told["spot_checks"])


def _reviews(context: Context) -> dict[str, Any] | None:
    """What people have before them, in numbers; None when the ledger cannot be read."""
    try:
        return counts(context.ledger.review_counts(), time.time())
    except LedgerError:
        return None
