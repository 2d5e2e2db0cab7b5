"""The serving benchmark's own arithmetic, and its client against a real server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from scripts.benchmarks.common import serving
from scripts.benchmarks.serving import compared, planted, table
from scripts.benchmarks.traffic import picture
from scripts.benchmarks.traffic.client import Burst, Stream, Target, burst, summary
from scripts.benchmarks.traffic.standard import command
from server.api.policy import ApiPolicy
from server.engine.types import EngineError
from tests.support.http_server import MODEL, Live, run_live


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with run_live(tmp_path, ApiPolicy()) as live:
        yield live


def target(live: Live, model: str = MODEL) -> Target:
    return Target(httpx.URL(live.url).port or 80, model)


def test_a_burst_counts_the_tokens_that_the_server_counts(live: Live) -> None:
    done = asyncio.run(burst(target(live), 3, 400, 0))
    assert [one.error for one in done.streams] == ["", "", ""]
    for one in done.streams:
        assert one.tokens == len(one.gaps) + 1
        assert one.first_seconds > 0
    assert done.tokens_per_second > 0


def test_what_goes_wrong_is_counted_and_not_raised(live: Live) -> None:
    live.engine.fail_next(EngineError("broke in the middle"), after_tokens=2)
    done = asyncio.run(burst(target(live), 1, 50, 0))
    assert "broke in the middle" in done.streams[0].error
    refused = asyncio.run(burst(target(live, "nosuch"), 2, 50, 0))
    assert all("404" in one.error for one in refused.streams)
    nobody = asyncio.run(burst(Target(1, MODEL), 1, 50, 0))
    assert nobody.streams[0].error
    assert summary([done, refused])["errors"] == 3


def test_streams_take_turns_over_the_models_of_a_target() -> None:
    several = Target(1, "m@v1", others=("m@v2", "m@v3"))
    assert [several.name(n) for n in range(4)] == ["m@v1", "m@v2", "m@v3", "m@v1"]


def test_every_streamed_token_after_the_first_is_told_to_the_pace(live: Live) -> None:
    live.engine.seconds_per_token = 0.001
    asyncio.run(burst(target(live), 4, 400, 0))
    assert 0.001 <= live.context.pace.p99() < 5


def figures(speed: float, p99: float) -> dict[str, float]:
    gaps = (0.01,) * 98 + (p99,) * 2
    return summary([Burst(100 / speed, (Stream(0.05, gaps, 100),))])


def test_a_ratio_stands_for_each_width_that_both_have_seen(tmp_path: Path) -> None:
    arms = {"a": {1: figures(80, 0.04), 8: figures(10, 0.01)}, "b": {1: figures(100, 0.02)}}
    (line,) = compared(arms, "a", "b").values()
    assert "throughput 0.80 x" in line
    assert "inter-token p99 2.00 x" in line
    assert compared(arms, "a", "nobody") == {}
    assert len(table(arms)) == 3
    picture.draw(tmp_path / "drawn.png", "a title", arms)
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")


def test_the_standard_generator_is_asked_for_the_same_width_and_length() -> None:
    asked = command("vllm", Target(8001, "m"), Path("/models/m"), 8, 64, Path("/tmp/results"))
    for flag, value in (("--max-concurrency", "8"), ("--random-output-len", "64"), ("--model", "m")):
        assert asked[asked.index(flag) + 1] == value
    assert asked[asked.index("--base-url") + 1] == "http://127.0.0.1:8001"


def test_each_stream_asks_one_question_after_the_other(live: Live) -> None:
    done = asyncio.run(burst(target(live), 2, 30, 0, answers=3))
    assert len(done.streams) == 6
    assert not any(one.error for one in done.streams)
    assert [one.opening for one in done.streams] == [True, False, False] * 2


def test_streams_of_several_answers_fall_out_of_step_alike_on_every_server(live: Live) -> None:
    first, second = (asyncio.run(burst(target(live), 4, 8, 0, answers=4)) for _ in range(2))
    tokens = [one.tokens for one in first.streams]
    assert len(set(tokens)) > 1
    assert all(4 <= n <= 8 for n in tokens)
    assert [one.tokens for one in second.streams] == tokens


def test_the_first_token_of_an_opening_is_told_apart() -> None:
    seen = summary([Burst(1.0, (Stream(0.9, (), 1, opening=True), Stream(0.1, (), 1), Stream(0.2, (), 1)))])
    assert seen["first_token_p99_ms"] == 200
    assert seen["opening_p99_ms"] == 900


def test_planted_versions_answer_as_the_base_does(tmp_path: Path) -> None:
    names = planted("seedling", tmp_path, 2)
    question = [{"role": "user", "content": "What is the capital of France?"}]
    with serving("seedling", "--learning.enabled", "false", home=tmp_path) as server:
        said = {server.ask(question, "user", at=f"@{name}")[0] for name in ("v0", *names)}
    assert len(said) == 1
