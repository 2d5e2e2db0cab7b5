"""What a streamed chunk costs in processor time: through Livegraft, and through the thinnest possible route.

The scripted engine answers at once, so that everything measured is the way from the engine to the socket. The
processor time of the server's process is divided by the chunks that the clients read: unlike wall time it
hardly depends on what else the machine does.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

from scripts.benchmarks.common import report, serving
from scripts.benchmarks.traffic.bare import bare_server
from scripts.benchmarks.traffic.client import Target, stream

FAKE = ("--engine.kind", "fake", "--engine.max-batch", "64", "--learning.enabled", "false")
WORDS = " ".join(f"word{n}" for n in range(300))


async def ask(target: Target, streams: int, answers: int) -> int:
    """`answers` from each of so many streams; returns the chunks read. Raises RuntimeError."""

    async def one(number: int) -> int:
        chunks = 0
        for n in range(answers):
            said = await stream(target, target.model, f"The list of house {number} {n} is {WORDS}", 400)
            if said.error:
                raise RuntimeError(said.error)
            chunks += 1 + len(said.gaps)
        return chunks

    return sum(await asyncio.gather(*[one(n) for n in range(streams)]))


def cost(target: Target, streams: int, answers: int) -> dict[str, Any]:
    """Microseconds of the server's processor time a chunk, after a warm-up."""
    asyncio.run(ask(target, streams, 1))
    process = _listener(target.port)
    before = sum(process.cpu_times()[:2])
    chunks = asyncio.run(ask(target, streams, answers))
    used = sum(process.cpu_times()[:2]) - before
    return {"chunks": chunks, "microseconds a chunk": round(1e6 * used / chunks, 1)}


def _listener(port: int) -> psutil.Process:
    """The process of this machine that listens there."""
    for process in psutil.Process().children(recursive=True):
        if any(c.laddr.port == port for c in process.net_connections() if c.status == psutil.CONN_LISTEN):
            return process
    raise RuntimeError(f"no child process listens on port {port}")


@contextmanager
def targets() -> Iterator[dict[str, Target]]:
    """Both servers."""
    with serving("fake", *FAKE) as server, bare_server("fake", server.home / "bare", *FAKE) as bare:
        yield {"bare": bare, "Livegraft": Target(httpx.URL(server.url).port or 80, server.model)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--answers", type=int, default=3, help="of each stream")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with targets() as found:
        figures: dict[str, Any] = {
            f"{name}, {options.streams} streams": cost(target, options.streams, options.answers)
            for name, target in found.items()
        }
    report("chunk", figures, options.out)


if __name__ == "__main__":
    main()
