"""Answers that are held to a format or to a call: what comes out, and what is refused before it begins."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from server.engine.embedded import EmbeddedEngine
from server.engine.types import Chunk, GenerationRequest, RequestRefused, Sampling
from server.types import BASE_VERSION, Message

TEMPLATE = "{# tools are called by <tool_call> #}{% for m in messages %}{{ m['content'] + ': ' }}{% endfor %}"
STONE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["granite", "slate"]},
        "weight": {"type": "integer", "minimum": 0, "maximum": 99},
        "found": {"type": ["boolean", "null"]},
    },
    "required": ["kind", "weight", "found"],
    "additionalProperties": False,
}
PLACE = {
    "type": "object",
    "properties": {"city": {"$ref": "#/$defs/city"}},
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"city": {"enum": ["Bern", "Zürich"]}},
}
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": PLACE}},
    {"type": "function", "function": {"name": 'say "ü"'}},
]
HOSTILE = "^(((a{1000}){1000}){1000})$"


@pytest.fixture
async def engine(
    tiny_model: Path, adapters: dict[str, Path], tmp_path: Path
) -> AsyncIterator[EmbeddedEngine]:
    """The tiny model with two versions, under a template that says it knows of tools."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    made = EmbeddedEngine(folder, "tiny", threads=1, max_batch=8, max_model_len=400)
    await made.start()
    await made.load("v1", adapters["v1"])
    await made.load("v2", adapters["v2"])
    yield made
    await made.close()


def schema(wanted: Any, **more: Any) -> dict[str, Any]:
    return {
        "response_format": {"type": "json_schema", "json_schema": {"name": "it", "schema": wanted, **more}}
    }


def ask(options: dict[str, Any], version: str = BASE_VERSION, **sampling: Any) -> GenerationRequest:
    told = Sampling(**{"max_tokens": 120, **sampling})
    return GenerationRequest("r", (Message("user", "A stone?"),), version, told, options=options)


async def answer(engine: EmbeddedEngine, request: GenerationRequest) -> list[Chunk]:
    return [chunk async for chunk in engine.generate(request)]


async def text(engine: EmbeddedEngine, request: GenerationRequest) -> str:
    return "".join(chunk.text for chunk in await answer(engine, request))


def called(chunks: list[Chunk]) -> list[tuple[str, Any]]:
    functions = [call["function"] for chunk in chunks for call in chunk.tool_calls]
    return [(function["name"], json.loads(function["arguments"])) for function in functions]


async def test_an_answer_under_a_schema_is_its_json_and_ends_with_it(engine: EmbeddedEngine) -> None:
    chunks = await answer(engine, ask(schema(STONE, strict=True), temperature=1.5, seed=3))
    said = json.loads("".join(chunk.text for chunk in chunks))
    assert list(said) == ["kind", "weight", "found"]
    assert said["kind"] in ("granite", "slate")
    assert 0 <= said["weight"] <= 99
    assert chunks[-1].finish_reason == "stop"
    assert chunks[-1].completion_tokens == sum(len(chunk.token_ids) for chunk in chunks)


async def test_an_answer_of_mode_json_object_is_an_object(engine: EmbeddedEngine) -> None:
    said = await text(engine, ask({"response_format": {"type": "json_object"}}, max_tokens=40))
    assert said.startswith("{")


async def test_an_answer_that_its_tokens_do_not_suffice_for_ends_for_length(engine: EmbeddedEngine) -> None:
    chunks = await answer(engine, ask(schema(STONE), max_tokens=9))
    assert chunks[-1].finish_reason == "length"
    assert "".join(chunk.text for chunk in chunks) == '{"kind":"' or chunks[-1].completion_tokens == 9


async def test_an_answer_that_fits_exactly_ends_by_itself(engine: EmbeddedEngine) -> None:
    wanted = schema({"const": "slate"})
    assert (await answer(engine, ask(wanted, max_tokens=7)))[-1].finish_reason == "stop"
    assert (await answer(engine, ask(wanted, max_tokens=6)))[-1].finish_reason == "length"


async def test_in_one_batch_each_answer_keeps_its_own_grammar_version_and_seed(
    engine: EmbeddedEngine,
) -> None:
    other = schema({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "maxItems": 5})
    requests = [
        ask(options, version, temperature=temperature, seed=7, max_tokens=60)
        for options in ({}, schema(STONE), other)
        for version, temperature in (("v0", 0.0), ("v1", 1.2), ("v2", 1.2))
    ]
    alone = [await text(engine, request) for request in requests]
    assert await asyncio.gather(*[text(engine, request) for request in requests]) == alone
    for said in alone[3:]:
        json.loads(said)
    assert len(set(alone)) > 6


async def test_log_probabilities_are_those_among_what_the_grammar_allows(engine: EmbeddedEngine) -> None:
    chunks = await answer(engine, ask(schema({"enum": ["a", "b", "c"]}), logprobs=5))
    steps = [step for chunk in chunks for step in chunk.logprobs]
    assert [len(top) for _, top in steps] == [1, 3, 1]
    assert sum(math.exp(other.logprob) for other in steps[1][1]) == pytest.approx(1.0)
    assert steps[0][0].logprob == steps[2][0].logprob == 0.0


async def test_a_named_function_is_called_once_and_the_answer_stops(engine: EmbeddedEngine) -> None:
    for name in ("weather", 'say "ü"'):
        choice = {"type": "function", "function": {"name": name}}
        chunks = await answer(engine, ask({"tools": TOOLS, "tool_choice": choice}))
        ((function, arguments),) = called(chunks)
        assert function == name
        assert set(arguments) == ({"city"} if name == "weather" else set())
        assert "".join(chunk.text for chunk in chunks) == ""
        assert chunks[-1].finish_reason == "stop"


async def test_a_required_call_is_of_any_function_and_one_where_no_more_are_wanted(
    engine: EmbeddedEngine,
) -> None:
    options = {"tools": TOOLS, "tool_choice": "required", "parallel_tool_calls": False}
    calls = []
    for seed in range(6):
        chunks = await answer(engine, ask(options, temperature=2.0, seed=seed))
        assert chunks[-1].finish_reason == "tool_calls"
        calls += called(chunks)
    assert len(calls) == 6
    assert {arguments["city"] for name, arguments in calls if name == "weather"} <= {"Bern", "Zürich"}


async def test_with_tools_and_a_format_the_answer_is_either(engine: EmbeddedEngine) -> None:
    options = {"tools": TOOLS[1:], **schema({"const": 7})}
    seen = set()
    for seed in range(8):
        chunks = await answer(engine, ask(options, temperature=3.0, seed=seed, max_tokens=70))
        said = "".join(chunk.text for chunk in chunks)
        assert said == "7" or called(chunks) or chunks[-1].finish_reason == "length"
        seen.add(said == "7")
    assert seen == {True, False}


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (schema({"type": "strin"}), "response_format", "Invalid type: strin"),
    (schema({"properties": {"a": {"not": {}}}}), "response_format", 'Unimplemented keys: ["not"]'),
    (schema({"type": "string", "pattern": "^(?=a)"}), "response_format", "look-around"),
    (schema({"type": "string", "format": "path"}), "response_format", "Unknown format: path"),
    (schema({"$ref": "http://127.0.0.1/x"}), "response_format", "not present"),
    (schema({"type": "integer", "minimum": 5, "maximum": 3}), "response_format", "minimum (5)"),
    (schema({"type": "string", "pattern": HOSTILE}), "response_format", "too many expressions"),
    (schema({"enum": ["x" * 70_000]}), "response_format", "at most 65,536"),
    (
        {
            "tools": [TOOLS[1], {"type": "function", "function": {"name": "f", "parameters": {"type": 3}}}],
            "tool_choice": "required",
        },
        "tools[1].function.parameters",
        "type 'object'",
    ),
]


async def test_what_cannot_be_kept_is_refused_by_its_field_and_the_engine_goes_on(
    engine: EmbeddedEngine,
) -> None:
    for options, field, why in REFUSED:
        with pytest.raises(RequestRefused) as caught:
            await answer(engine, ask(options))
        assert caught.value.field == field
        assert why in str(caught.value)
        assert "%json" not in str(caught.value)
    assert engine.health().running == engine.busy == 0
    assert await text(engine, ask({}))


async def test_who_says_that_a_schema_is_not_strict_has_what_cannot_be_kept_ignored(
    engine: EmbeddedEngine,
) -> None:
    loose = {"type": "object", "properties": {"a": {"enum": [1, 2], "not": {"const": 1}}}, "required": ["a"]}
    said = await text(engine, ask(schema({**loose, "additionalProperties": False}, strict=False)))
    assert json.loads(said)["a"] in (1, 2)


@pytest.mark.parametrize("levels", [1100, 1900])
async def test_a_schema_of_a_thousand_levels_does_not_end_the_process(
    engine: EmbeddedEngine, levels: int
) -> None:
    def level(n: int) -> dict[str, Any]:
        inner = {"$ref": f"#/$defs/{n + 1}"}
        return {"properties": {"x": inner}} if levels < 1500 else inner

    deep = {"$ref": "#/$defs/0", "$defs": {**{str(n): level(n) for n in range(levels)}, str(levels): {}}}
    with suppress(RequestRefused):
        assert await text(engine, ask(schema(deep), max_tokens=5))
    assert await text(engine, ask({}))


async def test_what_turns_out_too_much_on_the_way_ends_that_answer_alone(engine: EmbeddedEngine) -> None:
    late = {"a": {"enum": ["x", "y"]}, "b": {"type": "string", "pattern": HOSTILE}}
    beside = asyncio.create_task(text(engine, ask({}, max_tokens=40)))
    request = ask(schema({"type": "object", "properties": late, "required": ["a", "b"]}))
    said: list[str] = []

    async def listen() -> None:
        async for chunk in engine.generate(request):
            said.append(chunk.text)

    with pytest.raises(RequestRefused, match=r"response_format .* too many expressions constructed$"):
        await listen()
    assert "".join(said).startswith('{"a":')
    assert await beside == await text(engine, ask({}, max_tokens=40))
    assert engine.health().running == 0


async def test_requests_without_a_grammar_start_nothing(engine: EmbeddedEngine) -> None:
    def threads() -> list[str]:
        return [t.name for t in threading.enumerate() if t.name.startswith("livegraft-grammars")]

    before = len(threads())
    await answer(engine, ask({"tools": TOOLS}, max_tokens=5))
    assert len(threads()) == before
    await answer(engine, ask({"response_format": {"type": "json_object"}}, max_tokens=5))
    assert len(threads()) == before + 1
