"""GET /v1/events: what happens, as it happens, by server-sent events that a watcher can resume.

Events are rows of the ledger, so a watcher sees what every process of this home did, and one that was away
gets what it missed: `Last-Event-ID` names the last it saw, as browsers send it by themselves. Only the last
10,000 or so are kept; where some are gone, a `gap` is said first.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated

import anyio
from fastapi import APIRouter, Header, Query
from sse_starlette import EventSourceResponse, ServerSentEvent

from server.api.auth import OperatorSpeaker
from server.api.context import Context, Ctx
from server.api.errors import ApiError, invalid
from server.ledger.types import Event

router = APIRouter(tags=["events"])
DEFAULT_KINDS = ("decision", "ref", "rollout", "update", "version", "alarm")
ALL = "all"
POLL_SECONDS = 0.25
MOST_WATCHERS = 64


@router.get("/v1/events")
async def events(
    context: Ctx,
    speaker: OperatorSpeaker,
    kind: Annotated[list[str] | None, Query()] = None,
    after: Annotated[int | None, Query(ge=0)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventSourceResponse:
    """Decisions, ref moves, updates and alarms; other kinds by `kind`, all by `kind=all`.

    From `Last-Event-ID` or `after` on; without either from now on.
    """
    if context.metrics.watchers_now >= MOST_WATCHERS:
        raise ApiError(
            503,
            f"{MOST_WATCHERS} watchers read the events already; close one.",
            code="server_is_overloaded",
            retry=True,
            retry_after_seconds=5,
        )
    begin = await _begin(context, after, last_event_id)
    kinds = frozenset(kind or DEFAULT_KINDS)
    closing = anyio.Event()  # set when the server stops: the stream then ends as a whole one does
    return EventSourceResponse(
        _told(context, begin, kinds, closing),
        sep="\n",
        shutdown_event=closing,
        shutdown_grace_period=4 * POLL_SECONDS,
    )


async def _begin(context: Context, after: int | None, last_event_id: str | None) -> int:
    """The id of the last event that the watcher has seen."""
    named = (last_event_id or "").strip()
    if named and not re.fullmatch("[0-9]{1,18}", named):
        raise invalid(f"Last-Event-ID {named[:40]!r} is no id of an event: a number is.", "Last-Event-ID")
    seen = int(named) if named else after
    last = await asyncio.to_thread(context.ledger.last_event_id)
    return last if seen is None else min(seen, last)


async def _told(
    context: Context, seen: int, kinds: frozenset[str], closing: anyio.Event
) -> AsyncIterator[ServerSentEvent]:
    shown = context.metrics
    with shown.watching():
        first = await asyncio.to_thread(context.ledger.first_event_id)
        if first is not None and first > seen + 1:
            data = json.dumps({"after": seen, "first": first})
            yield ServerSentEvent(data, event="gap", id=str(first - 1))
        while not closing.is_set():
            news = await asyncio.to_thread(context.ledger.events_since, seen)
            for event in news:
                seen = event.id
                if event.kind in kinds or ALL in kinds:
                    shown.events.labels(event.kind).inc()
                    yield _sent(event)
            if not news:
                await asyncio.sleep(POLL_SECONDS)


def _sent(event: Event) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(asdict(event), ensure_ascii=False), event=event.kind, id=str(event.id))
