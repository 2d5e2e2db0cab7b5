"""Around every request, as plain ASGI: an id, a size limit, a count, and an error that leaks nothing."""

from __future__ import annotations

import logging
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.api.errors import ApiError, in_words
from server.api.metrics import Metrics

log = logging.getLogger("livegraft.api")
OPENAI_VERSION = "2020-10-01"
"""The version of OpenAI's REST API, as its own answers name it."""
LOCAL_NAMES = frozenset({"localhost", "::1", ""})


def arrived_at(request: Request) -> float:
    """time.perf_counter() when the request came in."""
    at: float = request.scope["livegraft.arrived_at"]
    return at


class Envelope:
    """The outermost layer: x-request-id on every answer, the body limit, metrics, and the last resort.

    With `local_only` (a server without keys) it answers only requests made by programs of this machine for
    this machine: a web page's requests carry another Host or Origin, and are refused.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, max_body_bytes: int, local_only: bool) -> None:
        self.app = app
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._local_only = local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["livegraft.arrived_at"] = time.perf_counter()
        request_id = f"req-{uuid.uuid4().hex}"
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers["openai-version"] = OPENAI_VERSION
                spent = time.perf_counter() - scope["livegraft.arrived_at"]
                headers["openai-processing-ms"] = str(round(spent * 1000))
            await send(message)

        try:
            self._check(Headers(scope=scope))
            await self.app(scope, _Limited(receive, self._max_body_bytes), send_with_id)
        except Exception as error:
            worded = in_words(error)
            if worded.status >= 500:
                log.exception("%s %s failed (%s)", scope["method"], scope["path"], request_id)
            if status:
                raise  # half an answer is out; closing the connection is the only honest sign left
            await worded.response()(scope, receive, send_with_id)
        finally:
            self._metrics.requests.labels(_route(scope), str(status or 499)).inc()

    def _check(self, headers: Headers) -> None:
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise _too_large(self._max_body_bytes)
        if self._local_only:
            _check_local(headers)


class _Limited:
    """`receive` that refuses a body once it has grown too long: chunked bodies name no length beforehand."""

    __slots__ = ("_left", "_limit", "_receive")

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = self._left = limit

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise _too_large(self._limit)
        return message


def _too_large(limit: int) -> HTTPException:
    # an HTTPException, because FastAPI turns whatever else reading a body raises into a 400
    return HTTPException(413, f"The body is larger than {limit:,} bytes; send a shorter conversation.")


def _check_local(headers: Headers) -> None:
    origin = headers.get("origin", "")
    for what, host in (
        ("Host", _hostname(headers.get("host", ""))),
        ("Origin", urlsplit(origin).hostname or ""),
    ):
        opaque = what == "Origin" and origin == "null"
        if opaque or not (host in LOCAL_NAMES or host.startswith("127.")):
            raise ApiError(
                403,
                f"A server without keys answers this machine only; the request's {what} is "
                f"{host or 'a web page'!r}. Configure keys to serve others.",
                code="not_local",
            )


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return host


def _route(scope: Scope) -> str:
    """The route's template; never the path itself, of which there are endlessly many."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "")) or "none"
