"""Real vLLM on the CPU: the same numbers as the embedded engine, no stale cache, its errors, its death."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.engine.embedded import EmbeddedEngine
from server.engine.types import Chunk, Engine, GenerationRequest, Sampling
from server.engine.vllm import VllmEngine
from server.engine.vllm.check import check_adapter, linear_shapes
from server.engine.vllm.client import ReplicaClient
from server.engine.vllm.errors import Refused
from server.types import Message
from tests.server.engine.vllm.conftest import ask, text
from tests.support import real_vllm

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]
LONG = "Tell me more about the river, the stone and the lantern. " * 4
"""Longer than a block of the cache, which has 128 tokens on CPUs."""


@pytest.fixture
async def engine(real_server: real_vllm.RealVllm, adapters: dict[str, Path]) -> AsyncIterator[VllmEngine]:
    told = real_vllm.options(real_server.run_dir, [real_server.url])
    made = VllmEngine(real_server.model, real_vllm.MODEL, told, base_digest="tiny")
    await made.start()
    for version, path in adapters.items():
        await made.load(version, path)
    yield made
    await made.close()


@pytest.fixture
async def reference(tiny_model: Path, adapters: dict[str, Path]) -> AsyncIterator[EmbeddedEngine]:
    made = EmbeddedEngine(tiny_model, "tiny", threads=1, max_batch=4, max_model_len=real_vllm.MAX_MODEL_LEN)
    await made.start()
    for version, path in adapters.items():
        await made.load(version, path)
    yield made
    await made.close()


def asked(prompt: str, version: str) -> GenerationRequest:
    return GenerationRequest("r", (Message("user", prompt),), version, Sampling(20, logprobs=2))


async def chunks(engine: Engine, request: GenerationRequest) -> list[Chunk]:
    return [chunk async for chunk in engine.generate(request)]


@pytest.mark.parametrize("version", ["v0", "v1", "v2", "v3"])
async def test_tokens_and_probabilities_are_those_of_the_embedded_engine(
    version: str, engine: VllmEngine, reference: EmbeddedEngine
) -> None:
    for prompt in ("Hi", "What is the port of the river?", LONG):
        here, there = [await chunks(e, asked(prompt, version)) for e in (reference, engine)]
        assert [t for c in here for t in c.token_ids] == [t for c in there for t in c.token_ids]
        assert here[-1].prompt_tokens == there[-1].prompt_tokens
        told = [[chosen.logprob for c in said for chosen, _ in c.logprobs] for said in (here, there)]
        assert told[1] == pytest.approx(told[0], abs=1e-4)
        tops = [[o.token for c in said for _, others in c.logprobs for o in others] for said in (here, there)]
        assert tops[0] == tops[1]
    said = [Message("user", "Who are you?")]
    likelihoods = [await e.log_likelihoods(version, said, ["A river.", "x"]) for e in (reference, engine)]
    assert likelihoods[1] == pytest.approx(likelihoods[0], abs=1e-4)


async def test_the_cache_of_a_name_that_got_other_weights_is_not_used_again(
    engine: VllmEngine, real_server: real_vllm.RealVllm, adapters: dict[str, Path]
) -> None:
    right = {version: await text(engine, ask(LONG, version)) for version in ("v1", "v2")}
    hits = await cache_hits(real_server.url)
    for _ in range(2):
        for source in ("v1", "v2"):
            await engine.unload("v1")
            await engine.load("v1", adapters[source])
            assert await text(engine, ask(LONG, "v1")) == right[source]
    assert await cache_hits(real_server.url) > hits, "the cache was at work"


async def cache_hits(url: str) -> float:
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"{url}/metrics")).text
    found = re.search(r"^vllm:prefix_cache_hits_total\S* (\S+)$", page, re.MULTILINE)
    assert found is not None
    return float(found[1])


async def test_unloading_after_cancelled_answers_and_evictions_does_not_kill_it(
    engine: VllmEngine, adapters: dict[str, Path], real_server: real_vllm.RealVllm
) -> None:
    before = await text(engine, ask(version="v3"))
    for n in range(6):  # more names than it holds in memory, and more than one batch mixes
        for version in ("v1", "v2"):
            await engine.load(f"{version}x{n}", adapters[version])
        streams = [engine.generate(ask(f"{k}", f"v{k % 2 + 1}x{n}", max_tokens=300)) for k in range(4)]
        await asyncio.gather(*[anext(stream) for stream in streams])
        await asyncio.gather(*[stream.aclose() for stream in streams])
        await asyncio.gather(*[engine.unload(f"{version}x{n}") for version in ("v1", "v2")])
    assert await text(engine, ask(version="v3")) == before
    assert real_server.answers()
    assert engine.replicas[0].restarts == 0


def with_config(**changes: object) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        config = json.loads((path / "adapter_config.json").read_text())
        (path / "adapter_config.json").write_text(json.dumps({**config, **changes}))

    return damage


def truncated(path: Path) -> None:
    file = path / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


BAD: list[tuple[str, int, Callable[[Path], Any]]] = [
    ("missing folder", 404, shutil.rmtree),
    ("no weights", 500, lambda path: (path / "adapter_model.safetensors").unlink()),
    ("truncated weights", 500, truncated),
    ("rank above the most", 500, with_config(r=16)),
    ("dora", 500, with_config(use_dora=True)),
    ("modules to save", 500, with_config(modules_to_save=["lm_head"])),
]


@pytest.mark.parametrize(("name", "status", "damage"), BAD, ids=[name for name, *_ in BAD])
async def test_what_it_would_refuse_is_refused_before_it_is_told_and_a_refusal_is_read_as_one(
    name: str,
    status: int,
    damage: Callable[[Path], Any],
    engine: VllmEngine,
    adapters: dict[str, Path],
    tmp_path: Path,
) -> None:
    path = tmp_path / "adapter"
    shutil.copytree(adapters["v1"], path)
    check_adapter(path, linear_shapes(engine._model_dir), 8)
    damage(path)
    with pytest.raises(Exception, match=r"\w") as ours:
        await engine.load("bad", path)
    assert type(ours.value).__name__ == "BadAdapter"
    client = engine.replicas[0].client
    with pytest.raises(Refused) as theirs:
        await client.load("bad-adapter", str(path))
    assert theirs.value.status == status, theirs.value.message
    assert not theirs.value.fatal
    assert "bad-adapter" not in (await client.served()).adapters
    assert await text(engine, ask(max_tokens=2)), "it lives"


async def test_its_other_refusals_are_read_as_what_they_are(
    engine: VllmEngine, adapters: dict[str, Path]
) -> None:
    client: ReplicaClient = engine.replicas[0].client
    path = str(adapters["v1"])
    for name, where in (("", path), ("twice", ""), (engine.replicas[0].base, path)):
        with pytest.raises(Refused) as refused:
            await client.load(name, where)
        assert refused.value.status == 400
    await client.load("twice", path)
    await client.load("twice", path)
    with pytest.raises(Refused, match="another folder"):
        await client.load("twice", str(adapters["v2"]))
    await client.unload("twice")
    await client.unload("twice")
    with pytest.raises(Refused) as gone:
        await client.ask("/v1/completions", {"model": "twice", "prompt": "a", "max_tokens": 1})
    assert gone.value.no_such_model


async def test_killed_and_started_again_it_has_its_versions_back_and_no_waiting_request_is_lost(
    engine: VllmEngine, real_server: real_vllm.RealVllm
) -> None:
    """Last: the server that the tests share begins anew."""
    versions = ("v0", "v1", "v2", "v3")
    before = {v: await text(engine, ask(version=v)) for v in versions}
    real_server.kill()
    waiting = {v: asyncio.create_task(text(engine, ask(version=v))) for v in versions}
    await asyncio.to_thread(real_server.start)
    assert {v: await task for v, task in waiting.items()} == before
    assert engine.replicas[0].restarts == 1
    assert engine.retries >= 1
