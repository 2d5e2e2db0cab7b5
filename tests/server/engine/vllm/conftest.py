"""Replicas of paper, and engines over them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from server.engine.types import GenerationRequest, Sampling
from server.engine.vllm import VllmEngine, VllmOptions
from server.types import BASE_VERSION, Message
from tests.support.fake_vllm_server import FakeServer

MakeServer = Callable[..., FakeServer]
MakeEngine = Callable[..., Awaitable[VllmEngine]]


def ask(
    prompt: str = "Tell me about rivers.",
    version: str = BASE_VERSION,
    *,
    max_tokens: int = 24,
    temperature: float = 0.0,
) -> GenerationRequest:
    return GenerationRequest("r", (Message("user", prompt),), version, Sampling(max_tokens, temperature))


async def text(engine: VllmEngine, request: GenerationRequest) -> str:
    return "".join([chunk.text async for chunk in engine.generate(request)])


async def until(holds: Callable[[], object], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 (states are polled by design)
            await asyncio.sleep(0.005)


@pytest.fixture
def make_server() -> Iterator[MakeServer]:
    """Starts a replica of paper; all are ended with the test."""
    made: list[FakeServer] = []

    def make(**core: Any) -> FakeServer:
        made.append(FakeServer(**core).start())
        return made[-1]

    yield make
    for server in made:
        server.kill()


@pytest.fixture
async def over(tiny_model: Path, tmp_path: Path) -> AsyncIterator[MakeEngine]:
    """Starts an engine over replicas, impatient and looking often; all are closed with the test."""
    made: list[VllmEngine] = []

    async def make(*servers: FakeServer, **changes: Any) -> VllmEngine:
        given: dict[str, Any] = {
            "run_dir": tmp_path / "run",
            "urls": tuple(server.url for server in servers),
            "max_lora_rank": 8,
            "max_batch": 4,
            "max_model_len": 400,
            "probe_seconds": 0.05,
            "stall_seconds": 30.0,
            "start_seconds": 60.0,
            "patience_seconds": 30.0,
        }
        engine = VllmEngine(tiny_model, "tiny", VllmOptions(**{**given, **changes}), base_digest="tiny")
        made.append(engine)
        await engine.start()
        return engine

    yield make
    for engine in made:
        await engine.close()
