"""The engine behind the thinnest possible HTTP route, in a process of its own: what all else is held against.

`python -m scripts.benchmarks.traffic.bare --model seedling --port 8001 --home DIR` serves chat completions,
streamed or whole, with no router, ledger, check of the input or record of the answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from scripts.benchmarks.common import ROOT, free_port
from scripts.benchmarks.traffic.client import Target
from server.app import make_engine
from server.config import read_settings
from server.engine.types import Engine, GenerationRequest, Sampling
from server.types import Message


@contextmanager
def bare_server(model: str, home: Path, *flags: str) -> Iterator[Target]:
    """A running one; it ends with the block."""
    port = free_port()
    command = [sys.executable, "-m", "scripts.benchmarks.traffic.bare", "--model", model]
    process = subprocess.Popen([*command, "--port", str(port), "--home", str(home), *flags], cwd=ROOT)
    try:
        while not _answers(port):
            if process.poll() is not None:
                raise RuntimeError(f"the bare server ended with code {process.returncode}")
            time.sleep(0.2)
        yield Target(port, model)
    finally:
        process.terminate()
        process.wait()


def routes(engine: Engine) -> Starlette:
    """The application."""

    async def answer(request: Request) -> Response:
        body = await request.json()
        messages = tuple(Message(m["role"], m["content"]) for m in body["messages"])
        asked = GenerationRequest("b", messages, sampling=Sampling(max_tokens=body["max_tokens"]))
        if body.get("stream"):
            return StreamingResponse(_events(engine, asked), media_type="text/event-stream")
        text = "".join([chunk.text async for chunk in engine.generate(asked)])
        return JSONResponse({"choices": [{"message": {"content": text}}]})

    return Starlette(routes=[Route("/v1/chat/completions", answer, methods=["POST"])])


async def _events(engine: Engine, asked: GenerationRequest) -> AsyncIterator[bytes]:
    tokens = 0
    async for chunk in engine.generate(asked):
        tokens = chunk.completion_tokens or tokens
        if chunk.text:
            yield _event({"choices": [{"index": 0, "delta": {"content": chunk.text}}]})
    yield _event({"choices": [], "usage": {"completion_tokens": tokens}})
    yield b"data: [DONE]\n\n"


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _answers(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/")
    except httpx.TransportError:
        return False
    return True


def main() -> None:
    """Command line; what is not known here is a flag of `livegraft serve`."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--port", type=int, required=True)
    options, flags = parser.parse_known_args()
    engine = make_engine(read_settings(flags))

    async def serve() -> None:
        await engine.start()
        await uvicorn.Server(uvicorn.Config(routes(engine), port=options.port, log_level="warning")).serve()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
