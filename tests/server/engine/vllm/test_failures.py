"""Replicas that die, hang or talk nonsense: asked again elsewhere, or told as broken once words were said."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from server.engine.types import (
    Chunk,
    ContextLengthExceeded,
    EngineDead,
    EngineError,
    GenerationRequest,
    RequestRefused,
    Sampling,
)
from server.engine.vllm import VllmEngine
from server.engine.vllm.errors import ReplicaLost
from server.types import Message
from tests.server.engine.vllm.conftest import MakeEngine, MakeServer, ask, text, until
from tests.support.fake_vllm_core import Rejected
from tests.support.fake_vllm_server import FakeServer

Damage = Callable[[FakeServer], None]


def dies_at(token: int) -> Damage:
    return lambda server: setattr(server.core, "death_at", token)


def nonsense_at(token: int) -> Damage:
    return lambda server: setattr(server.core, "garbage_at", token)


def hangs(server: FakeServer) -> None:
    server.core.hung = True


async def two(
    make_server: MakeServer, over: MakeEngine, **changes: Any
) -> tuple[FakeServer, FakeServer, VllmEngine]:
    """The first is asked first: nothing else runs."""
    first, second = make_server(), make_server()
    engine = await over(first, second, probe_seconds=30.0, **changes)
    await until(lambda: not engine.alarms())
    return first, second, engine


@pytest.mark.parametrize("damage", [dies_at(0), hangs, nonsense_at(0)], ids=["dies", "hangs", "nonsense"])
async def test_an_answer_that_had_not_begun_comes_whole_from_another_replica(
    damage: Damage, make_server: MakeServer, over: MakeEngine
) -> None:
    first, second, engine = await two(make_server, over, stall_seconds=2.0)
    whole = await text(engine, ask())
    damage(first)
    assert await text(engine, ask()) == whole
    assert engine.retries == 1
    assert second.core.answered == 2, "trying it out, and the answer"


async def test_a_request_whose_replica_is_gone_goes_to_another(
    make_server: MakeServer, over: MakeEngine
) -> None:
    first, _, engine = await two(make_server, over)
    whole = await text(engine, ask())
    first.kill()
    assert await asyncio.gather(*[text(engine, ask()) for _ in range(4)]) == [whole] * 4
    assert [alarm.split(" is ")[0] for alarm in engine.alarms()] == [f"replica {first.url}"]
    assert engine.health().alive


@pytest.mark.parametrize("damage", [dies_at(5), nonsense_at(5)], ids=["dies", "nonsense"])
async def test_an_answer_that_had_begun_is_told_as_broken_and_its_words_are_not_repeated(
    damage: Damage, make_server: MakeServer, over: MakeEngine
) -> None:
    first, _, engine = await two(make_server, over)
    whole = await text(engine, ask())
    damage(first)
    said: list[Chunk] = []

    async def listen() -> None:
        async for chunk in engine.generate(ask()):
            said.append(chunk)

    with pytest.raises(ReplicaLost, match="the answer is not whole, ask again"):
        await listen()
    assert all(chunk.finish_reason is None for chunk in said)
    assert whole.startswith("".join(chunk.text for chunk in said))
    assert engine.retries == 0
    assert await text(engine, ask()) == whole, "the other replica answers"


async def test_a_replica_that_hangs_in_an_answer_is_told_as_broken_and_comes_back_when_it_works_again(
    make_server: MakeServer, over: MakeEngine
) -> None:
    first, _, engine = await two(make_server, over, stall_seconds=2.0)
    stream = engine.generate(ask(max_tokens=200))
    await anext(stream)
    first.core.hung = True
    with pytest.raises(ReplicaLost, match="did not answer in time"):
        async for _ in stream:
            pass
    assert engine.alarms()
    first.core.hung = False
    await until(lambda: not engine.alarms())


async def test_without_any_replica_a_request_waits_a_while_and_then_hears_why(
    make_server: MakeServer, over: MakeEngine
) -> None:
    server = make_server()
    engine = await over(server, patience_seconds=0.3)
    server.kill()
    with pytest.raises(EngineDead, match=f"no replica .*{server.url}.*cannot be reached"):
        await text(engine, ask())
    assert not engine.health().alive
    assert server.url in engine.health().detail


async def test_a_request_waits_for_the_only_replica_to_come_back(
    make_server: MakeServer, over: MakeEngine
) -> None:
    server = make_server()
    engine = await over(server)
    whole = await text(engine, ask())
    server.kill()
    asked = asyncio.create_task(text(engine, ask()))
    await until(lambda: engine.alarms() and engine.retries == 0)
    server.start()
    assert await asked == whole


async def test_a_busy_replica_is_asked_again(make_server: MakeServer, over: MakeEngine) -> None:
    server = make_server()
    engine = await over(server)
    server.core.rejections += [Rejected(503, "ServiceUnavailable", "The server is overloaded.")]
    assert await text(engine, ask())
    assert engine.retries == 1
    assert not engine.alarms()


async def test_a_replica_that_fails_at_every_request_is_not_asked_for_ever(
    make_server: MakeServer, over: MakeEngine
) -> None:
    server = make_server()
    engine = await over(server)
    server.core.rejections += [Rejected(500, "InternalServerError", "division by zero")] * 9
    with pytest.raises(EngineDead, match="no replica could answer"):
        await text(engine, ask())


async def test_what_is_wrong_with_the_request_is_not_tried_elsewhere(
    make_server: MakeServer, over: MakeEngine
) -> None:
    _, _, engine = await two(make_server, over)
    with pytest.raises(RequestRefused, match="refuses this request: temperature must be non-negative"):
        await text(engine, ask(temperature=-1.0))
    with pytest.raises(ContextLengthExceeded, match=r"the prompt has 54\d tokens, the context 400"):
        await text(engine, ask("word " * 105))
    with pytest.raises(ContextLengthExceeded, match="a scored prompt"):
        await engine.score("v0", ["word " * 105])
    with pytest.raises(ContextLengthExceeded, match="a scored answer"):
        await engine.log_likelihoods("v0", [Message("user", "Hi")], ["word " * 105])
    assert engine.retries == 0
    assert not engine.alarms()


async def test_scores_and_likelihoods_come_from_another_replica_too(
    make_server: MakeServer, over: MakeEngine
) -> None:
    first, _, engine = await two(make_server, over)
    before = await engine.score("v0", ["Hi"]), await engine.log_likelihoods("v0", [], ["yes"])
    first.kill()
    assert (await engine.score("v0", ["Hi"]), await engine.log_likelihoods("v0", [], ["yes"])) == before


async def test_an_answer_that_nobody_reads_any_more_is_ended_on_the_replica(
    make_server: MakeServer, over: MakeEngine
) -> None:
    server = make_server(seconds_per_token=0.01)
    engine = await over(server)
    async with aclosing(engine.generate(ask(max_tokens=300))) as stream:
        await anext(stream)
        assert server.core.running == 1
    await until(lambda: server.core.running == 0)
    assert engine.replicas[0].running == 0


async def test_requests_spread_over_the_replicas(make_server: MakeServer, over: MakeEngine) -> None:
    first, second, engine = await two(make_server, over)
    before = first.core.answered, second.core.answered
    await asyncio.gather(*[text(engine, ask(f"{n}")) for n in range(8)])
    assert first.core.answered - before[0] == second.core.answered - before[1] == 4


async def test_an_address_where_something_else_listens_is_named(over: MakeEngine) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        with pytest.raises(EngineError, match="is it the address of a `vllm serve`"):
            await over(urls=(f"http://127.0.0.1:{stranger.server_port}",))
        stranger.shutdown()


async def test_stop_and_seed_reach_the_replica(make_server: MakeServer, over: MakeEngine) -> None:
    engine = await over(make_server())

    def request(seed: int) -> GenerationRequest:
        return GenerationRequest("r", (Message("user", "Hi"),), sampling=Sampling(20, 1.0, 1.0, seed, ("e",)))

    said = [await text(engine, request(n)) for n in (1, 1, 2)]
    assert said[0] == said[1] != said[2]
    assert not any("e" in answer for answer in said)
