"""Many clients that ask without pause, each over a connection of its own, and what each request got.

A connection belongs to one server process as long as it lives, so that the process that answered is known
without asking it. Every other client streams its answers.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import psutil

CONNECT_TRIES = 10
APART_SECONDS = 0.05
"""Between one client's connecting and the next's: a process takes all connections that wait when it looks."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it was sent and when its answer began (monotonic seconds), and what came."""

    sent_at: float
    began_at: float
    version: str
    port: int
    """The client's end of the connection."""
    error: str = ""


class Streams:
    """`count` clients in a thread of their own, within `with`."""

    def __init__(self, url: str, model: str, count: int, tokens: int) -> None:
        self.asked: list[Asked] = []
        """All requests that ended, in the order of their ends."""
        self._url, self._model, self._count, self._tokens = url, model, count, tokens
        self._stop = threading.Event()
        self._numbers = itertools.count()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))

    def __enter__(self) -> Streams:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def connected(self, seconds: float) -> bool:
        """Whether every client had an answer within so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if len({asked.port for asked in self.asked}) >= self._count:
                return True
            time.sleep(0.1)
        return False

    async def _all(self) -> None:
        await asyncio.gather(*[self._one(number) for number in range(self._count)])

    async def _one(self, number: int) -> None:
        # verify=False: reading certificates, for nothing, is most of what making a client costs
        async with httpx.AsyncClient(base_url=self._url, timeout=60, verify=False) as client:
            await asyncio.sleep(number * APART_SECONDS)
            while not self._stop.is_set():
                self.asked.append(await self._ask(client, bool(number % 2)))

    async def _ask(self, client: httpx.AsyncClient, streamed: bool) -> Asked:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": "user", "content": "Tell me of rivers."}],
            "user": f"user-{next(self._numbers)}",
            "store": False,
            "temperature": 0,
            "max_tokens": self._tokens,
            "stream": streamed,
        }
        sent_at = began_at = time.monotonic()
        version, port, error = "", 0, ""
        try:
            async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
                began_at = time.monotonic()
                version = answer.headers.get("x-livegraft-version", "")
                port = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
                said = (await answer.aread()).decode()
            if answer.is_error or not version:
                error = f"{answer.status_code} {said[:200]}"
            elif streamed and ('"error"' in said or not said.rstrip().endswith("[DONE]")):
                error = f"the stream broke off: {said[-200:]}"
        except httpx.HTTPError as failure:
            error = f"{type(failure).__name__}: {failure}"
        return Asked(sent_at, began_at, version, port, error)


def answering(pids: Sequence[int], port: int) -> dict[int, int]:
    """Client's end → process, of the connections that these processes have on the server's `port` now."""
    return {
        connection.raddr.port: pid
        for pid in pids
        for connection in psutil.Process(pid).net_connections("tcp")
        if connection.raddr and connection.laddr.port == port
    }
