"""Does the server's own process grow with the requests that it has answered?

The scripted engine answers, so that the requests are many and what grows is ours.
"""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import psutil

from scripts.benchmarks.common import Server, serving
from scripts.benchmarks.traffic.client import Target, stream

STREAMS = 16


async def _ask(target: Target, requests: int, begin: int) -> int:
    """So many short answers, STREAMS at a time; returns how many failed."""
    numbers = iter(range(begin, begin + requests))
    failed = 0

    async def worker() -> None:
        nonlocal failed
        for n in numbers:
            answer = await stream(target, target.model, f"What is {n}?", 4)
            failed += bool(answer.error)

    await asyncio.gather(*[worker() for _ in range(STREAMS)])
    return failed


def _resident_mb(server: Server) -> float:
    return float(psutil.Process(server.pid).memory_full_info().uss) / 1e6


def measure(requests: int) -> dict[str, Any]:
    """Unshared memory of the server's process after a fifth of the requests, and after each further fifth.

    The first fifth is the warm-up: caches, pools and the interpreter come to their size in it.
    """
    with serving("fake", "--engine.kind", "fake", "--learning.enabled", "false") as server:
        target = Target(httpx.URL(server.url).port or 80, server.model)
        seen, failed, part = [], 0, requests // 5
        for n in range(5):
            failed += asyncio.run(_ask(target, part, n * part))
            seen.append(round(_resident_mb(server), 2))
    grown = seen[-1] - seen[0]
    return {
        "requests": 5 * part,
        "failed": failed,
        "resident_mb_after_each_fifth": seen,
        "grown_mb_after_warm_up": round(grown, 2),
        "bytes_a_request": round(1e6 * grown / (4 * part)),
    }
