"""A whole server over replicas of paper: ready while one can be asked, and telling of each."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from server.api import create_api
from server.app import Livegraft
from server.config import read_settings
from tests.support.fake_vllm_server import FakeServer


async def test_a_server_over_replicas_is_ready_while_one_is_and_names_those_that_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = [FakeServer(max_rank=64, max_model_len=2048).start() for _ in range(2)]
    flags = ["--engine.kind", "vllm", "--vllm.urls", f"{first.url},{second.url}", "--model", "seedling"]
    flags += ["--vllm.probe-seconds", "0.05", "--vllm.patience-seconds", "0.1"]
    flags += ["--learning.enabled", "false", "--guardian.process", "false", "--home", "home"]
    livegraft = Livegraft(read_settings(flags))
    await livegraft.start()
    transport = httpx.ASGITransport(create_api(livegraft.context))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:

        async def told(path: str) -> httpx.Response:
            return await client.get(path)

        async def alarms(count: int) -> str:
            async with asyncio.timeout(10):
                while len(found := (await told("/readyz")).json()["alarms"]) != count:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            return " ".join(found)

        await alarms(0)
        body = {"model": "seedling", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
        answered = await client.post("/v1/chat/completions", json=body)
        assert answered.json()["usage"]["completion_tokens"] == 5
        first.kill()
        assert f"replica {first.url} is out" in await alarms(1)
        assert (await told("/readyz")).json()["ready"]
        page = (await told("/metrics")).text
        assert f'livegraft_replica_ready{{replica="{first.url}"}} 0.0' in page
        assert f'livegraft_replica_ready{{replica="{second.url}"}} 1.0' in page
        second.kill()
        await alarms(2)
        assert (await told("/readyz")).status_code == 503
        failed = await client.post("/v1/chat/completions", json=body)
        assert failed.status_code == 503
        assert failed.json()["error"]["code"] == "engine_dead"
    await livegraft.stop()
