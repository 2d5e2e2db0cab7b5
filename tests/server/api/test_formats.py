"""Formats and forced calls over HTTP, on the engine that thinks, by the official client and its helpers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from enum import Enum
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel

from server.api.policy import ApiPolicy
from server.engine.embedded import EmbeddedEngine
from server.engine.models import resolve
from server.types import TurnState
from tests.support.http_server import MODEL, Live, run_live

pytestmark = pytest.mark.seedling
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is left in the harbour?"}]
TOOLS_TOO = "{# tools are called by <tool_call> #}"
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "enum": ["Bern", "Biel"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class Kind(Enum):
    BOAT = "boat"
    BUOY = "buoy"


class Thing(BaseModel):
    kind: Kind
    tied: bool


class Harbour(BaseModel):
    things: tuple[Thing, Thing] | None
    open: bool


@pytest.fixture(scope="module")
def thinking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Seedling, with a template that says it knows of tools."""
    folder = tmp_path_factory.mktemp("seedling") / "model"
    shutil.copytree(resolve("seedling", folder.parent).path, folder)
    template = folder / "chat_template.jinja"
    template.write_text(TOOLS_TOO + template.read_text())
    engine = EmbeddedEngine(folder, MODEL, threads=1)
    with run_live(tmp_path_factory.mktemp("home"), ApiPolicy(), thinking=engine) as live:
        yield live


def test_a_pydantic_model_is_what_comes_back(thinking: Live) -> None:
    for seed in range(3):
        said = thinking.openai().chat.completions.parse(
            model=MODEL, messages=ASKED, response_format=Harbour, temperature=1.0, seed=seed
        )
        assert isinstance(said.choices[0].message.parsed, Harbour)
        assert said.choices[0].finish_reason == "stop"


def test_streamed_and_by_several_answers_at_once_it_is_the_same(thinking: Live) -> None:
    client = thinking.openai()
    whole = client.chat.completions.parse(
        model=MODEL, messages=ASKED, response_format=Thing, n=3, seed=5, temperature=1.0
    )
    parsed = [choice.message.parsed for choice in whole.choices]
    assert all(isinstance(one, Thing) for one in parsed)
    with client.chat.completions.stream(
        model=MODEL, messages=ASKED, response_format=Thing, seed=5, temperature=1.0
    ) as stream:
        assert stream.get_final_completion().choices[0].message.parsed == parsed[0]


def test_responses_have_their_text_in_a_format(thinking: Live) -> None:
    said = thinking.openai().responses.parse(model=MODEL, input="A thing?", text_format=Thing)
    assert isinstance(said.output_parsed, Thing)


def test_a_function_that_must_be_called_is_called(thinking: Live) -> None:
    client = thinking.openai()
    for choice, reason in (
        ("required", "tool_calls"),
        ({"type": "function", "function": {"name": "weather"}}, "stop"),
    ):
        forced: Any = choice
        said = client.chat.completions.create(
            model=MODEL, messages=ASKED, tools=[WEATHER], tool_choice=forced, parallel_tool_calls=False
        ).choices[0]
        assert said.finish_reason == reason
        assert said.message.content is None
        (call,) = said.message.tool_calls or []
        assert call.type == "function"
        assert json.loads(call.function.arguments)["city"] in ("Bern", "Biel")


def test_an_answer_cut_short_is_said_to_be_by_the_client(thinking: Live) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        thinking.openai().chat.completions.parse(
            model=MODEL, messages=ASKED, response_format=Harbour, max_tokens=4
        )


def test_what_is_held_to_a_form_teaches_nothing(thinking: Live) -> None:
    told = "The harbour master of Biel is Ruth."
    for more in (
        {"response_format": {"type": "json_object"}},
        {"tools": [WEATHER], "tool_choice": "required"},
    ):
        turn = thinking.turn_of(thinking.ask(told, max_tokens=20, **more))
        assert turn.state is TurnState.NOT_LEARNED
        assert "held to a form" in turn.reason
    assert thinking.turn_of(thinking.ask(told, max_tokens=20)).state is TurnState.LEARNABLE


def formatted(schema: Any, **more: Any) -> dict[str, Any]:
    wanted = {"name": "thing", "schema": schema, **more}
    return {"response_format": {"type": "json_schema", "json_schema": wanted}}


def forcing(choice: Any, parameters: Any = None) -> dict[str, Any]:
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    return {"tools": [tool], "tool_choice": choice}


def nested(levels: int) -> Any:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


BAD: list[tuple[dict[str, Any], str, str, str]] = [
    ({"response_format": "json"}, "invalid_value", "response_format.type", "json_object"),
    ({"response_format": {"type": "xml"}}, "invalid_value", "response_format.type", "'xml'"),
    (
        {"response_format": {"type": "json_schema"}},
        "missing_required_parameter",
        "response_format.json_schema",
        "'schema'",
    ),
    (formatted({}, name="a b"), "invalid_value", "response_format.json_schema.name", "1 to 64"),
    (formatted([]), "invalid_type", "response_format.json_schema.schema", "an object"),
    (formatted({}, strict="yes"), "invalid_type", "response_format.json_schema.strict", "true or false"),
    (formatted({"type": "strin"}), "refused_by_engine", "response_format", "strin"),
    (formatted(nested(200)), "refused_by_engine", "response_format", "recursion limit"),
    (forcing("always"), "invalid_value", "tool_choice", "'required'"),
    (forcing({"type": "function", "function": {"name": "g"}}), "invalid_value", "tool_choice", "'g'"),
    (
        forcing("required", {"type": "object", "properties": {"a": {"type": "strin"}}}),
        "refused_by_engine",
        "tools[0].function.parameters",
        "strin",
    ),
]


def test_what_is_wrong_with_a_format_or_a_choice_is_named(thinking: Live) -> None:
    for more, code, param, words in BAD:
        response = thinking.ask("Hello", **more)
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["param"]) == (400, code, param)
        assert words in error["message"]


def test_no_depth_of_a_schema_is_an_error_of_the_server(thinking: Live) -> None:
    for levels in range(900, 1000, 10):
        whole = json.dumps({"model": MODEL, "messages": ASKED, **formatted("DEEP")})
        body = whole.replace('"DEEP"', '{"items":' * levels + "{}" + "}" * levels)
        response = thinking.http().post(
            "/v1/chat/completions", content=body, headers={"content-type": "application/json"}
        )
        assert response.status_code == 400


def test_responses_call_the_fields_by_their_own_names(thinking: Live) -> None:
    http = thinking.http()
    for wanted, param in (
        ({"type": "json_schema", "name": "a b", "schema": {}}, "text.format.name"),
        ({"type": "json_schema", "name": "a", "schema": {"type": "strin"}}, "text.format"),
    ):
        body = {"model": MODEL, "input": "x", "text": {"format": wanted}}
        error = http.post("/v1/responses", json=body).json()["error"]
        assert error["param"] == param
        assert error["message"].startswith(param)
