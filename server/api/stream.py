"""Server-sent events on their way out: what each costs is one `send`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from starlette.responses import StreamingResponse
from starlette.types import Send

PING_SECONDS = 15.0
PING = b": ping\n\n"
"""A comment, which clients ignore: proxies close connections on which nothing comes for a while."""
HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class EventStream(StreamingResponse):
    """Sends events as they come, whole ones only, and a comment now and then; ends when the client goes."""

    def __init__(self, events: AsyncIterator[bytes], headers: Mapping[str, str]) -> None:
        super().__init__(events, headers={**HEADERS, **headers}, media_type="text/event-stream")

    async def stream_response(self, send: Send) -> None:
        """Called by starlette, which cancels it when the client goes away."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        pinging = asyncio.ensure_future(_ping(send))
        try:
            async for event in self.body_iterator:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        finally:
            pinging.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _ping(send: Send) -> None:
    while True:
        await asyncio.sleep(PING_SECONDS)
        await send({"type": "http.response.body", "body": PING, "more_body": True})
