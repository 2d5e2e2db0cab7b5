"""Versions on replicas: on all before they can be asked, under names never used twice, kept while needed."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from server.engine.types import BadAdapter, EngineError
from tests.server.engine.vllm.conftest import MakeEngine, MakeServer, ask, text, until
from tests.support.fake_vllm_core import Core

Adapters = dict[str, Path]


def listed(core: Core, version: str) -> list[str]:
    return [name for name in core.adapters if f"-{version}-" in name]


def staged(root: Path) -> set[str]:
    return {path.name for path in (root / "run" / "adapters").iterdir() if path.is_dir()}


async def test_a_version_can_be_asked_when_every_replica_has_it(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters
) -> None:
    servers = [make_server() for _ in range(3)]
    engine = await over(*servers)
    await until(lambda: not engine.alarms())
    await engine.load("v1", adapters["v1"])
    assert all(len(listed(server.core, "v1")) == 1 for server in servers)
    said = await asyncio.gather(*[text(engine, ask(version="v1")) for _ in range(9)])
    assert len(set(said)) == 1
    assert said[0] != await text(engine, ask())


async def test_a_version_that_one_replica_refuses_stays_on_none(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters, tmp_path: Path
) -> None:
    good, bad = make_server(), make_server(refuse_loads="call to punica kernel failed")
    engine = await over(good, bad)
    await until(lambda: not engine.alarms())
    with pytest.raises(BadAdapter, match=r"v1 was refused by a replica.*punica"):
        await engine.load("v1", adapters["v1"])
    assert engine.loaded() == {"v0"}
    assert good.core.adapters == bad.core.adapters == {}
    assert staged(tmp_path) == set()
    assert await text(engine, ask())


async def test_a_name_that_comes_back_with_other_weights_answers_with_them_and_not_from_old_cache(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters
) -> None:
    server = make_server()
    engine = await over(server)
    said = {}
    for version, source in (("v1", "v1"), ("v1", "v2"), ("v2", "v2")):
        await engine.load(version, adapters[source])
        said[version, source] = await text(engine, ask(version=version))
        await engine.unload(version)
    assert said["v1", "v2"] == said["v2", "v2"] != said["v1", "v1"]
    assert not any("load_inplace" in body for body in server.core.load_bodies)
    names = [body["lora_name"] for body in server.core.load_bodies]
    paths = {body["lora_path"] for body in server.core.load_bodies}
    assert len(names) == len(set(names)) == len(paths) == 3


async def test_files_stay_until_the_answers_that_need_them_have_ended(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters, tmp_path: Path
) -> None:
    server = make_server(max_cpu_loras=1)  # every other adapter throws this one out of memory
    engine = await over(server)
    for version in ("v1", "v2"):
        await engine.load(version, adapters[version])
    whole = await text(engine, ask(version="v1", max_tokens=150))
    stream = engine.generate(ask(version="v1", max_tokens=150))
    first = await anext(stream)
    unloading = asyncio.create_task(engine.unload("v1"))
    others = asyncio.gather(*[text(engine, ask(f"{n}", "v2")) for n in range(3)])
    await until(lambda: "v1" not in engine.loaded())
    assert len(staged(tmp_path)) == 2
    rest = [chunk.text async for chunk in stream]
    assert first.text + "".join(rest) == whole
    await unloading
    await others
    assert [name.split("-")[2] for name in staged(tmp_path)] == ["v2"]
    assert listed(server.core, "v1") == []
    assert not server.core.dead


async def test_unloading_after_cancelled_answers_kills_no_replica(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters
) -> None:
    server = make_server(max_cpu_loras=1)
    engine = await over(server)
    await engine.load("v2", adapters["v2"])
    for _ in range(5):
        await engine.load("v1", adapters["v1"])
        streams = [engine.generate(ask(f"{n}", "v1", max_tokens=300)) for n in range(3)]
        for stream in streams:
            await anext(stream)
        await asyncio.gather(*[stream.aclose() for stream in streams])
        await engine.unload("v1")
        assert await text(engine, ask(version="v2"))
    assert not server.core.dead


async def test_a_replica_that_comes_back_has_every_version_before_it_is_asked(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters
) -> None:
    servers = [make_server(), make_server()]
    engine = await over(*servers)
    await until(lambda: not engine.alarms())
    for version in ("v1", "v2", "v3"):
        await engine.load(version, adapters[version])
    said = {v: await text(engine, ask(version=v)) for v in ("v0", "v1", "v2", "v3")}
    servers[1].kill()
    await until(engine.alarms)
    await engine.unload("v2")
    servers[1].start()
    await until(lambda: not engine.alarms())
    servers[0].kill()
    assert listed(servers[1].core, "v1")
    assert listed(servers[1].core, "v3")
    assert not listed(servers[1].core, "v2")
    assert {v: await text(engine, ask(version=v)) for v in ("v0", "v1", "v3")} == {
        v: said[v] for v in ("v0", "v1", "v3")
    }
    assert engine.replicas[1].restarts == 1


async def test_an_adapter_that_a_replica_lost_is_loaded_again_and_no_request_fails(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters
) -> None:
    server = make_server()
    engine = await over(server, probe_seconds=30.0)
    await engine.load("v1", adapters["v1"])
    before = await text(engine, ask(version="v1"))
    server.core.adapters.clear()
    assert await text(engine, ask(version="v1")) == before
    assert engine.replicas[0].adapters_lost == 1
    assert engine.retries == 1


async def test_a_lost_adapter_is_noticed_without_any_request(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters
) -> None:
    server = make_server()
    engine = await over(server)
    await engine.load("v1", adapters["v1"])
    server.core.adapters.clear()
    await until(lambda: listed(server.core, "v1"))
    await until(lambda: not engine.alarms())


async def test_what_an_earlier_server_left_on_a_replica_is_taken_off_and_what_others_loaded_is_not(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters, tmp_path: Path
) -> None:
    server = make_server()
    first = await over(server)
    await first.load("v1", adapters["v1"])
    await first.close()  # as a killed server would, without unloading
    server.core.load({"lora_name": "theirs", "lora_path": str(adapters["v3"])})
    assert len(staged(tmp_path)) == 1
    await over(server)
    await until(lambda: list(server.core.adapters) == ["theirs"])
    await until(lambda: staged(tmp_path) == set())


async def test_staged_files_that_vanished_are_placed_again_from_the_store(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters, tmp_path: Path
) -> None:
    engine = await over(make_server())
    await engine.load("v1", adapters["v1"])
    there = staged(tmp_path)
    shutil.rmtree(tmp_path / "run" / "adapters" / there.copy().pop())
    await until(lambda: staged(tmp_path) == there)


async def test_files_wait_for_a_replica_that_is_away_because_it_may_still_list_them(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters, tmp_path: Path
) -> None:
    servers = [make_server(), make_server()]
    engine = await over(*servers)
    await until(lambda: not engine.alarms())
    await engine.load("v1", adapters["v1"])
    servers[1].kill()
    await until(engine.alarms)
    await engine.unload("v1")
    assert len(staged(tmp_path)) == 1
    servers[1].start()
    await until(lambda: staged(tmp_path) == set())


async def test_the_base_can_be_an_adapter_of_zeros_that_says_what_it_is_and_never_goes(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters
) -> None:
    server = make_server()
    engine = await over(server, base_as_adapter=True)
    await engine.load("v1", adapters["v1"])
    (name,) = listed(server.core, "v0")
    assert await text(engine, ask())
    assert await engine.score("v0", ["Hi"]) != await engine.score("v1", ["Hi"])
    server.core.adapters.clear()
    assert await text(engine, ask())
    assert name in server.core.adapters
    with pytest.raises(EngineError, match="base"):
        await engine.unload("v0")


async def test_replicas_elsewhere_are_told_the_path_that_they_see(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters, tmp_path: Path
) -> None:
    server = make_server()
    (tmp_path / "shared").mkdir()
    (tmp_path / "seen").symlink_to(tmp_path / "shared")
    engine = await over(server, adapters_dir=tmp_path / "shared", adapters_dir_seen_as=str(tmp_path / "seen"))
    await engine.load("v1", adapters["v1"])
    (path,) = server.core.adapters.values()
    assert path.startswith(f"{tmp_path}/seen/livegraft-")
    assert await text(engine, ask(version="v1"))


@pytest.mark.parametrize(
    ("served", "given", "reason"),
    [
        ({"runtime_loading": False}, {}, "--enable-lora and the variable VLLM_ALLOW_RUNTIME_LORA_UPDATING=1"),
        ({"api_key": "secret"}, {}, "API key.*vllm.key_env"),
        ({}, {"urls": ("http://127.0.0.1:9",), "start_seconds": 0.2}, "cannot be reached"),
    ],
)
async def test_a_replica_that_cannot_serve_ends_the_start_with_what_to_do(
    served: dict[str, object],
    given: dict[str, object],
    reason: str,
    make_server: MakeServer,
    over: MakeEngine,
) -> None:
    server = make_server(**served)
    with pytest.raises(EngineError, match=f"vLLM cannot be used: .*{reason}"):
        await over(server, **given)


async def test_a_replica_with_a_key_is_asked_with_it(
    make_server: MakeServer, over: MakeEngine, adapters: Adapters
) -> None:
    engine = await over(make_server(api_key="secret"), api_key="secret")
    await engine.load("v1", adapters["v1"])
    assert await text(engine, ask(version="v1"))
