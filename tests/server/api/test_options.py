"""What only some engines can do reaches those that can, and is refused by name where it would be ignored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from server.api.policy import ApiPolicy
from server.engine.types import Feature
from server.types import TurnState
from tests.support.http_server import MODEL, Live, run_live

ALL: frozenset[Feature] = frozenset({"tools", "tool_choice", "response_format", "penalties", "logit_bias"})
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}
ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "How is the weather in Bern?"}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "port", "schema": {"type": "object"}}}
DEMANDING: dict[str, Any] = {
    "tools": [WEATHER],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "response_format": SCHEMA,
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "logit_bias": {"5": 3},
}


def test_an_engine_that_can_is_told_everything_as_the_client_said_it(tmp_path: Path) -> None:
    with run_live(tmp_path, ApiPolicy(), features=ALL) as live:
        assert live.ask("count", **DEMANDING).status_code == 200
        assert live.engine.requests[-1].options == DEMANDING


def test_an_engine_that_cannot_is_told_nothing_and_the_client_which_field_it_is(tmp_path: Path) -> None:
    with run_live(tmp_path, ApiPolicy(), features=frozenset()) as live:
        for name, value in DEMANDING.items():
            if name in ("tool_choice", "parallel_tool_calls"):
                continue
            error = live.ask("count", **{name: value}).json()["error"]
            assert (error["code"], error["param"]) == ("unsupported_parameter", name)
        assert live.ask("count", tools=[WEATHER], tool_choice="none").status_code == 200
        assert live.ask("count", parallel_tool_calls=True, tool_choice="auto").status_code == 200
        assert [request.options for request in live.engine.requests] == [{}, {}]


def test_a_call_of_a_tool_has_openais_shape_whole_and_streamed(shared: Live) -> None:
    client = shared.openai()
    whole = client.chat.completions.create(model=MODEL, messages=ASKED, tools=[WEATHER]).choices[0]
    assert whole.finish_reason == "tool_calls"
    assert whole.message.content is None
    (call,) = whole.message.tool_calls or []
    assert call.type == "function"
    assert (call.function.name, json.loads(call.function.arguments)) == ("weather", {"city": "Bern"})
    stream = client.chat.completions.create(model=MODEL, messages=ASKED, tools=[WEATHER], stream=True)
    chunks = [chunk.choices[0] for chunk in stream]
    (delta,) = [call for chunk in chunks for call in chunk.delta.tool_calls or ()]
    assert delta.function is not None
    assert (delta.index, delta.function.name) == (0, "weather")
    assert chunks[-1].finish_reason == "tool_calls"


def test_the_official_helper_gathers_a_streamed_call(shared: Live) -> None:
    with shared.openai().chat.completions.stream(model=MODEL, messages=ASKED, tools=[WEATHER]) as stream:
        final = stream.get_final_completion().choices[0]
    (call,) = final.message.tool_calls or []
    assert json.loads(call.function.arguments) == {"city": "Bern"}


def test_without_tools_the_same_words_are_text(shared: Live) -> None:
    said = shared.openai().chat.completions.create(model=MODEL, messages=ASKED).choices[0]
    assert (said.message.content or "").startswith("<tool_call>")
    assert said.message.tool_calls is None


def test_calls_and_results_in_the_conversation_reach_an_engine_that_has_tools(tmp_path: Path) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "7 degrees"},
    ]
    body = {"model": MODEL, "messages": messages, "tools": [WEATHER]}
    for features, history in (
        (ALL, ["system", "user", "assistant", "tool"]),
        (frozenset[Feature](), []),
    ):
        with run_live(tmp_path / str(len(features)), ApiPolicy(), features=features) as live:
            sent = body if features else {**body, "tools": []}
            response = live.http().post("/v1/chat/completions", json=sent)
            assert response.status_code == 200
            request = live.engine.requests[-1]
            assert [message["role"] for message in request.history] == history
            assert [m.content for m in request.messages] == ["Be brief.", "Weather?", "", "7 degrees"]
            assert live.turn_of(response).state is TurnState.NOT_LEARNED


def test_a_turn_answered_by_a_call_of_tools_teaches_nothing(shared: Live) -> None:
    response = shared.ask("The weather in Bern is fine.", tools=[WEATHER])
    turn = shared.turn_of(response)
    assert (turn.state, turn.reason) == (TurnState.NOT_LEARNED, "the answer was a call of tools")


def test_json_that_cannot_be_promised_is_an_error_that_the_official_client_shows(shared: Live) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        shared.openai().chat.completions.create(
            model=MODEL,
            messages=ASKED,
            response_format={"type": "json_object"},
        )
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "response_format")
