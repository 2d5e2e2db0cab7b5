"""What every engine promises, asked of the scripted one and of those that think."""

from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.engine.embedded import EmbeddedEngine
from server.engine.fake import FakeEngine
from server.engine.types import (
    BadAdapter,
    Chunk,
    ContextLengthExceeded,
    Engine,
    EngineDead,
    EngineError,
    Feature,
    GenerationRequest,
    RequestRefused,
    Sampling,
    VersionNotLoaded,
)
from server.engine.vllm import VllmEngine
from server.types import BASE_VERSION, Message
from tests.support import real_vllm
from tests.support.fake_vllm_server import FakeServer

SLOTS = 4
WORDS = ["river", "stone", "lantern", "orchard", "winter", "copper", "meadow", "signal", "harbour", "violet"]


def scripted(request: GenerationRequest) -> str:
    """Sixty words that depend on version and prompt, and on the seed when sampling."""
    key = f"{request.version}/{request.messages[-1].content if request.messages else request.text}"
    if request.sampling.temperature > 0:
        key += f"/{request.sampling.seed}"
    return " ".join(random.Random(key).choices(WORDS, k=60))


@pytest.fixture(
    params=[
        "fake",
        "embedded",
        "vllm-of-paper",
        pytest.param("vllm", marks=[pytest.mark.vllm, pytest.mark.timeout(900)]),
    ]
)
async def engine(
    request: pytest.FixtureRequest, adapters: dict[str, Path], tiny_model: Path, tmp_path: Path
) -> AsyncIterator[Engine]:
    """A started engine of four slots with v1 and v2 loaded beside the base."""
    made: Engine
    if request.param == "fake":
        made = FakeEngine(scripted, max_model_len=400, max_batch=SLOTS, seconds_per_token=0.001)
    elif request.param == "vllm-of-paper":
        paper = FakeServer().start()
        request.addfinalizer(paper.kill)  # noqa: PT021 (after the engine was closed)
        told = real_vllm.options(tmp_path, [paper.url], SLOTS)
        made = VllmEngine(tiny_model, "tiny", told, base_digest="tiny")
    elif request.param == "vllm":
        server: real_vllm.RealVllm = request.getfixturevalue("real_server")
        told = real_vllm.options(server.run_dir, [server.url], SLOTS)
        made = VllmEngine(server.model, real_vllm.MODEL, told, base_digest="tiny")
    else:
        made = EmbeddedEngine(tiny_model, "tiny", threads=1, max_batch=SLOTS, max_model_len=400)
    await made.start()
    await made.load("v1", adapters["v1"])
    await made.load("v2", adapters["v2"])
    yield made
    await made.close()


def ask(
    prompt: str = "Tell me about rivers.",
    version: str = BASE_VERSION,
    *,
    max_tokens: int = 24,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int | None = None,
    stop: tuple[str, ...] = (),
    logprobs: int | None = None,
    prefill: str = "",
    background: bool = False,
) -> GenerationRequest:
    sampling = Sampling(max_tokens, temperature, top_p, seed, stop, logprobs)
    return GenerationRequest("r", (Message("user", prompt),), version, sampling, prefill, background)


async def answer(engine: Engine, request: GenerationRequest) -> list[Chunk]:
    return [chunk async for chunk in engine.generate(request)]


async def text(engine: Engine, request: GenerationRequest) -> str:
    return "".join(chunk.text for chunk in await answer(engine, request))


async def until(condition: object, seconds: float = 10.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (health is polled by design)
            await asyncio.sleep(0.002)


async def started(engine: Engine, request: GenerationRequest) -> AsyncGenerator[Chunk]:
    """A stream that has its first chunk, so its slot."""
    stream = engine.generate(request)
    await anext(stream)
    return stream


async def test_an_answer_streams_in_many_chunks_and_only_the_last_one_says_why_it_ended(
    engine: Engine,
) -> None:
    for tokens in (24, 48, 96, 192, 192):  # a busy machine's vLLM puts into one what comes at once
        chunks = await answer(engine, ask(max_tokens=tokens))
        if len(chunks) > 1:
            break
    assert len(chunks) > 1
    assert [c.finish_reason for c in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].finish_reason == "length"


async def test_counts_are_those_of_the_tokens_streamed(engine: Engine) -> None:
    chunks = await answer(engine, ask(max_tokens=17))
    assert chunks[-1].completion_tokens == sum(len(c.token_ids) for c in chunks) == 17
    assert chunks[-1].prompt_tokens > 4
    assert all(c.prompt_tokens == c.completion_tokens == 0 for c in chunks[:-1])


async def test_a_longer_prompt_counts_more_tokens(engine: Engine) -> None:
    short, long = [(await answer(engine, ask(p)))[-1].prompt_tokens for p in ("Hi.", "Hi. " * 20)]
    assert long > short


async def test_greedy_answers_repeat_exactly(engine: Engine) -> None:
    one, other = [await answer(engine, ask()) for _ in range(2)]
    assert [t for c in one for t in c.token_ids] == [t for c in other for t in c.token_ids]
    assert "".join(c.text for c in one) == "".join(c.text for c in other)


async def test_the_same_seed_gives_the_same_answer_and_other_seeds_give_others(engine: Engine) -> None:
    said = [await text(engine, ask(temperature=1.5, seed=n)) for n in (1, 2, 3, 1, 2, 3)]
    assert said[:3] == said[3:]
    assert len(set(said)) == 3


async def test_a_seed_holds_while_other_requests_run_beside(engine: Engine) -> None:
    request = ask(temperature=1.0, top_p=0.9, seed=5, version="v1")
    alone = await text(engine, request)
    beside = await asyncio.gather(
        *[text(engine, ask(f"Number {n}", temperature=1.0, seed=n)) for n in range(3)], text(engine, request)
    )
    assert beside[-1] == alone


@pytest.mark.parametrize("length", [1, 2, 9])
async def test_a_stop_string_ends_the_answer_before_itself(engine: Engine, length: int) -> None:
    whole = await text(engine, ask())
    stop = whole[10 : 10 + length]
    chunks = await answer(engine, ask(stop=("never said", stop)))
    assert "".join(c.text for c in chunks) == whole[: whole.index(stop)]
    assert chunks[-1].finish_reason == "stop"


async def test_the_beginning_of_a_stop_string_is_shown_when_the_stop_string_does_not_follow(
    engine: Engine,
) -> None:
    whole = await text(engine, ask())
    assert await text(engine, ask(stop=(whole[-3:] + "no", whole[5:9] + "\x00"))) == whole


async def test_log_probabilities_come_per_token_with_the_asked_number_of_alternatives(engine: Engine) -> None:
    chunks = await answer(engine, ask(logprobs=3))
    for chunk in chunks:
        assert len(chunk.logprobs) == len(chunk.token_ids)
        for chosen, alternatives in chunk.logprobs:
            assert len(alternatives) == 3
            assert chosen.logprob <= 0
            assert alternatives[0] == chosen, "greedy takes the most probable"
            assert [a.logprob for a in alternatives] == sorted(
                (a.logprob for a in alternatives), reverse=True
            )
    assert all(c.logprobs == () for c in await answer(engine, ask()))


async def test_no_alternatives_are_given_when_none_are_asked(engine: Engine) -> None:
    chunks = await answer(engine, ask(logprobs=0))
    assert all(alternatives == () for c in chunks for _, alternatives in c.logprobs)
    assert sum(len(c.logprobs) for c in chunks) == 24


async def test_the_answer_goes_on_after_prefilled_words_without_repeating_them(engine: Engine) -> None:
    whole = await text(engine, ask(max_tokens=12))
    assert whole.startswith(whole[:4] + await text(engine, ask(max_tokens=4, prefill=whole[:4])))


async def test_requests_beyond_the_slots_wait_their_turn_and_all_are_answered(engine: Engine) -> None:
    alone = [await text(engine, ask(f"Number {n}")) for n in range(3 * SLOTS)]
    together = await asyncio.gather(*[text(engine, ask(f"Number {n}")) for n in range(3 * SLOTS)])
    assert together == alone


async def test_closing_a_stream_frees_its_slot_for_the_one_that_waits(engine: Engine) -> None:
    streams = [await started(engine, ask(max_tokens=200)) for _ in range(SLOTS)]
    waiting = asyncio.create_task(answer(engine, ask("Late", max_tokens=2)))
    await until(lambda: engine.health().waiting == 1)
    assert engine.health().running == SLOTS
    await streams[0].aclose()
    assert (await asyncio.wait_for(waiting, 10))[-1].completion_tokens == 2
    for stream in streams[1:]:
        await stream.aclose()
    await until(lambda: engine.health().running == 0)


async def test_a_waiting_request_that_is_cancelled_leaves_the_queue(engine: Engine) -> None:
    streams = [await started(engine, ask(max_tokens=200)) for _ in range(SLOTS)]
    waiting = asyncio.create_task(answer(engine, ask("Late")))
    await until(lambda: engine.health().waiting == 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: engine.health().waiting == 0)
    for stream in streams:
        await stream.aclose()


async def test_background_requests_wait_until_no_chat_request_waits(engine: Engine) -> None:
    streams = [await started(engine, ask(max_tokens=200)) for _ in range(SLOTS)]
    order: list[str] = []

    async def run(name: str, background: bool) -> None:
        async with aclosing(engine.generate(ask(name, max_tokens=3, background=background))) as stream:
            async for _ in stream:
                if name not in order:
                    order.append(name)

    background = asyncio.create_task(run("background", True))
    await until(lambda: engine.health().waiting == 1)
    chat = asyncio.create_task(run("chat", False))
    await until(lambda: engine.health().waiting == 2)
    await streams[0].aclose()
    await asyncio.wait_for(asyncio.gather(background, chat), 10)
    assert order == ["chat", "background"]
    for stream in streams[1:]:
        await stream.aclose()


async def test_an_unknown_version_is_refused_before_the_first_chunk(engine: Engine) -> None:
    with pytest.raises(VersionNotLoaded, match="v9"):
        await answer(engine, ask(version="v9"))


async def test_a_prompt_that_does_not_fit_is_refused_with_both_numbers(engine: Engine) -> None:
    with pytest.raises(ContextLengthExceeded, match=r"\d+ tokens.*400"):
        await answer(engine, ask("word " * 500))


async def test_an_answer_ends_where_the_context_is_full(engine: Engine) -> None:
    chunks = await answer(engine, ask("a " * 150, max_tokens=1000))
    last = chunks[-1]
    assert last.prompt_tokens + last.completion_tokens <= engine.max_model_len
    assert last.finish_reason in {"length", "stop"}


async def test_loading_is_idempotent_and_shows_in_loaded(engine: Engine, adapters: dict[str, Path]) -> None:
    assert engine.loaded() == {"v0", "v1", "v2"}
    await engine.load("v1", adapters["v1"])
    await engine.load("v3", adapters["v3"])
    assert engine.loaded() == {"v0", "v1", "v2", "v3"}


async def test_a_loaded_name_cannot_be_given_other_weights(engine: Engine, adapters: dict[str, Path]) -> None:
    with pytest.raises(BadAdapter, match="v1"):
        await engine.load("v1", adapters["v3"])


async def test_an_unloaded_version_is_refused_and_unloading_unknown_names_is_no_error(engine: Engine) -> None:
    await engine.unload("v1")
    await engine.unload("v1")
    assert engine.loaded() == {"v0", "v2"}
    with pytest.raises(VersionNotLoaded):
        await answer(engine, ask(version="v1"))


async def test_the_base_cannot_be_unloaded(engine: Engine) -> None:
    with pytest.raises(EngineError, match="base"):
        await engine.unload(BASE_VERSION)


async def test_a_folder_that_is_no_adapter_is_refused_and_the_engine_goes_on(
    engine: Engine, tmp_path: Path
) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(BadAdapter, match="adapter"):
            await engine.load("v9", path)
    assert "v9" not in engine.loaded()
    assert await text(engine, ask())


async def test_versions_answer_differently_and_each_stays_itself_in_a_mixed_batch(engine: Engine) -> None:
    asked = [ask(f"Number {n}", version) for n in range(4) for version in ("v0", "v1", "v2")]
    alone = [await text(engine, request) for request in asked]
    assert len(set(alone)) == len(alone)
    assert await asyncio.gather(*[text(engine, request) for request in asked]) == alone


async def test_swaps_under_load_never_mix_versions_in_one_answer(
    engine: Engine, adapters: dict[str, Path]
) -> None:
    await engine.load("v3", adapters["v3"])
    prompts = [f"Number {n}" for n in range(4)]
    alone = {(p, v): await text(engine, ask(p, v)) for p in prompts for v in ("v0", "v1", "v2", "v3")}
    stop = asyncio.Event()
    wrong: list[tuple[str, str]] = []
    answered = 0

    async def client(n: int) -> None:
        nonlocal answered
        while not stop.is_set():
            prompt, version = prompts[n % 4], ("v0", "v1", "v2", "v3")[(n + answered) % 4]
            try:
                said = await text(engine, ask(prompt, version))
            except VersionNotLoaded:
                await asyncio.sleep(0.01)  # asking again at once would starve the engine's thread
                continue
            answered += 1
            if said != alone[prompt, version]:
                wrong.append((prompt, version))

    clients = [asyncio.create_task(client(n)) for n in range(8)]
    for swap in range(12):
        version = ("v1", "v2", "v3")[swap % 3]
        await engine.unload(version)
        await asyncio.sleep(0.005)
        await engine.load(version, adapters[version])
    stop.set()
    await asyncio.gather(*clients)
    assert wrong == []
    assert answered > 8


async def test_a_version_unloaded_during_an_answer_finishes_that_answer_first(engine: Engine) -> None:
    whole = await text(engine, ask(version="v1", max_tokens=60))
    stream = engine.generate(ask(version="v1", max_tokens=60))
    first = await anext(stream)
    unloading = asyncio.create_task(engine.unload("v1"))
    await until(lambda: "v1" not in engine.loaded())
    with pytest.raises(VersionNotLoaded):
        await answer(engine, ask(version="v1"))
    rest = [chunk.text async for chunk in stream]
    assert first.text + "".join(rest) == whole
    await asyncio.wait_for(unloading, 10)


async def test_scores_prove_which_weights_answer_also_under_load_and_after_swaps(
    engine: Engine, adapters: dict[str, Path]
) -> None:
    prompts = ["What is the port?", "Who are you?"]
    before = {v: await engine.score(v, prompts) for v in ("v0", "v1", "v2")}
    assert len(set(before.values())) == 3
    assert await engine.score("v1", prompts[:1]) != before["v1"]
    load = [asyncio.create_task(text(engine, ask(f"Number {n}", "v1", max_tokens=100))) for n in range(SLOTS)]
    assert {v: await engine.score(v, prompts) for v in before} == before
    await engine.unload("v2")
    await engine.load("v3", adapters["v3"])
    await engine.load("v2", adapters["v2"])
    assert {v: await engine.score(v, prompts) for v in before} == before
    await asyncio.gather(*load)
    assert {v: await engine.score(v, prompts) for v in before} == before


async def test_scoring_an_unknown_version_is_refused(engine: Engine) -> None:
    with pytest.raises(VersionNotLoaded):
        await engine.score("v9", ["Hello"])


async def test_how_likely_an_answer_is_agrees_with_the_probabilities_of_writing_it(engine: Engine) -> None:
    (first, *_) = await answer(engine, ask(logprobs=0, max_tokens=1))
    request = ask()
    (nats,) = await engine.log_likelihoods("v0", request.messages, [first.text])
    assert nats == pytest.approx(first.logprobs[0][0].logprob, abs=1e-3)
    two = await engine.log_likelihoods("v1", request.messages, [first.text, "Quite another answer"])
    assert len(two) == 2
    assert max(two) <= 0
    with pytest.raises(VersionNotLoaded):
        await engine.log_likelihoods("v9", request.messages, ["Hello"])


async def test_health_tells_of_running_and_waiting_requests(engine: Engine) -> None:
    assert engine.health().alive
    streams = [await started(engine, ask(max_tokens=200)) for _ in range(2)]
    assert (engine.health().running, engine.health().waiting) == (2, 0)
    for stream in streams:
        await stream.aclose()
    await until(lambda: engine.health().running == 0)


async def test_closing_ends_requests_in_flight_and_later_ones_with_engine_dead(engine: Engine) -> None:
    streams = [await started(engine, ask(max_tokens=300)) for _ in range(SLOTS)]
    waiting = asyncio.create_task(answer(engine, ask("Late")))
    await until(lambda: engine.health().waiting == 1)
    await engine.close()
    for stream in streams:
        with pytest.raises(EngineDead):
            async for _ in stream:
                pass
    with pytest.raises(EngineDead):
        await asyncio.wait_for(waiting, 10)
    with pytest.raises(EngineDead):
        await answer(engine, ask())
    assert not engine.health().alive


async def test_a_raw_text_is_continued_without_the_chat_template(engine: Engine) -> None:
    raw = GenerationRequest("r", (), sampling=Sampling(max_tokens=12), text="Tell me about rivers.")
    chat = await answer(engine, ask(max_tokens=12))
    one, other = [await answer(engine, raw) for _ in range(2)]
    assert [t for c in one for t in c.token_ids] == [t for c in other for t in c.token_ids]
    assert 0 < one[-1].prompt_tokens < chat[-1].prompt_tokens


async def test_every_token_has_its_log_probability_also_where_the_text_ends_at_a_stop_string(
    engine: Engine,
) -> None:
    whole = await text(engine, ask(temperature=1.0, seed=4, logprobs=0))
    chunks = await answer(engine, ask(temperature=1.0, seed=4, logprobs=3, stop=(whole[6:8],)))
    assert whole.startswith("".join(c.text for c in chunks))
    for chunk in chunks:
        assert len(chunk.logprobs) == len(chunk.token_ids)
        for token, top in chunk.logprobs:
            assert token.logprob <= 0
            assert len(top) == 3


async def test_an_engine_names_what_it_can_do_and_needs_no_field_that_it_cannot(engine: Engine) -> None:
    assert engine.features <= {"tools", "tool_choice", "response_format", "penalties", "logit_bias"}


def must_think(engine: Engine, request: pytest.FixtureRequest, feature: Feature) -> None:
    if request.node.callspec.params["engine"] in ("fake", "vllm-of-paper"):
        pytest.skip("a script is not held to anything")
    if feature not in engine.features:
        pytest.skip(f"without {feature}")


def held(wanted: object, **more: Any) -> GenerationRequest:
    schema = {"name": "it", "schema": wanted, "strict": True}
    asked = ask(max_tokens=60, **more)
    return replace(asked, options={"response_format": {"type": "json_schema", "json_schema": schema}})


async def test_an_answer_that_is_held_to_a_format_keeps_it_beside_one_that_is_not(
    engine: Engine, request: pytest.FixtureRequest
) -> None:
    must_think(engine, request, "response_format")
    free = await text(engine, ask())
    wanted = [held({"enum": ["granite", "slate"]}, version=v, temperature=1.0, seed=3) for v in ("v0", "v1")]
    *kept, beside = await asyncio.gather(*[answer(engine, one) for one in [*wanted, ask()]])
    for chunks in kept:
        assert json.loads("".join(c.text for c in chunks)) in ("granite", "slate")
        assert chunks[-1].finish_reason == "stop"
    assert "".join(c.text for c in beside) == free


async def test_alternatives_under_a_format_are_those_that_it_allows(
    engine: Engine, request: pytest.FixtureRequest
) -> None:
    must_think(engine, request, "response_format")
    chunks = await answer(engine, held({"enum": ["a", "b", "c"]}, logprobs=5))
    tops = [{t.token: math.exp(t.logprob) for t in top} for c in chunks for _, top in c.logprobs]
    assert tops[0].keys() == {'"'}
    assert tops[1].keys() == {"a", "b", "c"}
    assert sum(tops[1].values()) == pytest.approx(1.0)


async def test_a_format_that_cannot_be_kept_is_refused_before_the_first_chunk(
    engine: Engine, request: pytest.FixtureRequest
) -> None:
    must_think(engine, request, "response_format")
    with pytest.raises(RequestRefused):
        await answer(engine, held({"type": "strin"}))
    assert await text(engine, ask())


async def test_a_call_that_is_forced_is_made_and_ends_as_openai_says(
    engine: Engine, request: pytest.FixtureRequest
) -> None:
    must_think(engine, request, "tool_choice")
    place = {"type": "object", "properties": {"city": {"enum": ["Bern"]}}, "required": ["city"]}
    function = {"name": "weather", "parameters": {**place, "additionalProperties": False}, "strict": True}
    named = {"type": "function", "function": {"name": "weather"}}
    for choice, reason in ((named, "stop"), ("required", "tool_calls")):
        options = {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
        chunks = await answer(engine, replace(ask(max_tokens=200), options=options))
        told = [call["function"] for c in chunks for call in c.tool_calls]
        assert json.loads("".join(one.get("arguments") or "" for one in told)) == {"city": "Bern"}
        assert "".join(one.get("name") or "" for one in told) == "weather"
        assert chunks[-1].finish_reason == reason


async def test_n_answers_to_one_prompt_are_each_what_their_seed_gives_alone(engine: Engine) -> None:
    requests = [ask(temperature=1.2, seed=5 + n, max_tokens=12) for n in range(3)]
    together = await asyncio.gather(*[text(engine, request) for request in requests])
    assert together == [await text(engine, request) for request in requests]
    assert len(set(together)) == 3
