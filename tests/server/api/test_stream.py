"""Events on their way out, at the level of ASGI messages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message

from server.api import stream
from server.api.stream import PING, EventStream

SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}}


async def until_cancelled() -> Message:
    """A client that stays."""
    await asyncio.Event().wait()
    raise AssertionError


async def test_each_event_is_one_message_and_the_last_says_that_it_is() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def events() -> AsyncIterator[bytes]:
        yield b"data: 1\n\n"
        yield b"data: 2\n\n"

    await EventStream(events(), {"x-livegraft-version": "v1"})(SCOPE, until_cancelled, send)
    start, *bodies = sent
    headers = dict(start["headers"])
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-livegraft-version"] == b"v1"
    assert [(m["body"], m["more_body"]) for m in bodies] == [
        (b"data: 1\n\n", True),
        (b"data: 2\n\n", True),
        (b"", False),
    ]


async def test_a_comment_is_sent_while_nothing_comes_and_none_after_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "PING_SECONDS", 0)
    sent: list[Message] = []
    pinged = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message)
        if message.get("body") == PING:
            pinged.set()

    async def events() -> AsyncIterator[bytes]:
        await pinged.wait()
        yield b"data: late\n\n"

    await EventStream(events(), {})(SCOPE, until_cancelled, send)
    await asyncio.sleep(0)
    assert sent[1]["body"] == PING
    assert not sent[-1]["more_body"]


async def test_a_client_that_goes_ends_the_events() -> None:
    ended = asyncio.Event()
    started = asyncio.Event()

    async def gone() -> Message:
        await started.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    async def events() -> AsyncIterator[bytes]:
        try:
            started.set()
            await asyncio.Event().wait()
            yield b""
        finally:
            ended.set()

    await EventStream(events(), {})(SCOPE, gone, send)
    await ended.wait()
