"""What API, router and durable ledger add to an answer, over the bare engine.

Pairs, one after another on the same machine: the same greedy request once through a bare server (the engine
behind the thinnest possible HTTP route, in a process of its own) and once through Livegraft with its commit
to disk. "Added" compares the two distributions at their median and 99th percentile.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from scripts.benchmarks.common import ROOT, free_port, percentile, report, serving

QUESTION = "What is the admin port of the Zephyr router?"


def bare(model: str, port: int, home: Path) -> None:
    """Serve the engine alone: read JSON, generate, answer. What everything else is compared with."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    from server.app import make_engine
    from server.config import read_settings
    from server.engine.types import GenerationRequest, Sampling
    from server.types import Message

    engine = make_engine(read_settings(["--model", model, "--home", str(home)]))

    async def answer(request: Request) -> Response:
        body = await request.json()
        messages = tuple(Message(m["role"], m["content"]) for m in body["messages"])
        sampling = Sampling(max_tokens=body["max_tokens"])
        text = "".join(
            [
                chunk.text
                async for chunk in engine.generate(GenerationRequest("b", messages, sampling=sampling))
            ]
        )
        return JSONResponse({"choices": [{"message": {"content": text}}]})

    async def main() -> None:
        await engine.start()
        app = Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])
        await uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning")).serve()

    asyncio.run(main())


def timed(client: httpx.Client, body: dict[str, Any]) -> tuple[float, httpx.Response]:
    """Milliseconds of one request."""
    begin = time.perf_counter()
    answer = client.post("/v1/chat/completions", json=body)
    answer.raise_for_status()
    return 1000 * (time.perf_counter() - begin), answer


def both(values: Sequence[float]) -> str:
    """Median and 99th percentile in words."""
    return f"{percentile(values, 0.5):.1f} / {percentile(values, 0.99):.1f} ms"


def run(plain: httpx.Client, full: httpx.Client, model: str, rounds: int, tokens: int) -> dict[str, Any]:
    """Ask both in turn."""
    bare_ms, full_ms, header_ms = [], [], []
    for n in range(rounds + 10):
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": QUESTION}],
            "temperature": 0,
            "max_tokens": tokens,
            "user": f"user-{n}",
        }
        without, _ = timed(plain, body)
        through, answer = timed(full, body)
        if n >= 10:  # both are warm by then
            bare_ms.append(without)
            full_ms.append(through)
            header_ms.append(float(answer.headers["x-livegraft-overhead-ms"]))
    return {
        "requests each": rounds,
        "bare engine over HTTP, p50 / p99": both(bare_ms),
        "through Livegraft, p50 / p99": both(full_ms),
        "added at the median": f"{percentile(full_ms, 0.5) - percentile(bare_ms, 0.5):.1f} ms",
        "added at the 99th percentile": f"{percentile(full_ms, 0.99) - percentile(bare_ms, 0.99):.1f} ms",
        "the server's own count (x-livegraft-overhead-ms), p50 / p99": both(header_ms),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="seedling")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=8, help="tokens an answer, few so that the rest shows")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--bare-port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare_port:
        bare(options.model, options.bare_port, options.home)
        return
    port = free_port()
    # Learning is off: the same questions over and over would teach nothing, and this measures serving alone.
    with serving(options.model, "--learning.enabled", "false") as server:
        command = [sys.executable, "-m", "scripts.benchmarks.overhead", "--model", options.model]
        process = subprocess.Popen([*command, "--bare-port", str(port), "--home", str(server.home)], cwd=ROOT)
        plain = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        try:
            server.wait_for("the bare server", lambda: answers(plain), 120)
            figures = run(plain, server.http, options.model, options.rounds, options.tokens)
        finally:
            process.terminate()
            process.wait()
    report(f"overhead-{options.model}", figures, options.out)


def answers(client: httpx.Client) -> bool:
    """Whether the bare server listens."""
    try:
        client.get("/")
    except httpx.TransportError:
        return False
    return True


if __name__ == "__main__":
    main()
