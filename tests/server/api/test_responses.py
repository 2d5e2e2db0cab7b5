"""POST /v1/responses, by the official client."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest
from openai.types.responses import FunctionToolParam, ResponseInputParam

from server.api.policy import ApiPolicy
from server.engine.types import EngineError
from server.types import TurnState
from tests.support.http_server import MODEL, Live, run_live

WEATHER: FunctionToolParam = {"type": "function", "name": "weather", "parameters": {}, "strict": None}
TEXT_EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    *["response.output_text.delta"] * 10,
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


def test_a_response_has_text_usage_and_the_version_that_gave_it(shared: Live) -> None:
    answer = shared.openai().responses.create(
        model=MODEL, input="count", instructions="Be brief.", metadata={"a": "b"}
    )
    assert answer.output_text == "one two three four five six seven eight nine ten"
    assert (answer.status, answer.model, answer.object) == ("completed", "tiny@v0", "response")
    assert (answer.instructions, answer.metadata) == ("Be brief.", {"a": "b"})
    assert answer.usage is not None
    assert answer.usage.output_tokens == 10
    assert answer.usage.total_tokens == answer.usage.input_tokens + 10
    sent = [(m.role, m.content) for m in shared.engine.requests[-1].messages]
    assert sent == [("system", "Be brief."), ("user", "count")]
    turn = shared.http().get(f"/v1/turns/{answer.id}").json()
    assert turn["state"] != "unknown"
    assert turn["turn"]["answer"] == answer.output_text


def test_a_stream_has_openais_events_in_openais_order(shared: Live) -> None:
    events = list(shared.openai().responses.create(model=MODEL, input="count", stream=True))
    assert [event.type for event in events] == TEXT_EVENTS
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == text == "one two three four five six seven eight nine ten"


def test_the_official_helper_builds_the_same_response_from_the_stream(shared: Live) -> None:
    with shared.openai().responses.stream(model=MODEL, input="umlaut") as stream:
        final = stream.get_final_response()
    assert final.output_text == "Grüße, 世界 🙂"


def test_an_answer_cut_short_is_incomplete_and_says_why(shared: Live) -> None:
    client = shared.openai()
    whole = client.responses.create(model=MODEL, input="count", max_output_tokens=3)
    assert (whole.status, whole.output_text) == ("incomplete", "one two three")
    assert whole.incomplete_details is not None
    assert whole.incomplete_details.reason == "max_output_tokens"
    events = list(client.responses.create(model=MODEL, input="count", max_output_tokens=3, stream=True))
    assert events[-1].type == "response.incomplete"


def test_an_empty_answer_still_has_its_message(shared: Live) -> None:
    events = list(shared.openai().responses.create(model=MODEL, input="silence", stream=True))
    assert [event.type for event in events] == [t for t in TEXT_EVENTS if not t.endswith("text.delta")]


def test_a_call_of_a_function_is_an_item_of_its_own_whole_and_streamed(shared: Live) -> None:
    client = shared.openai()
    whole = client.responses.create(model=MODEL, input="weather in Bern?", tools=[WEATHER])
    (call,) = whole.output
    assert call.type == "function_call"
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Bern"})
    assert call.call_id.startswith("call_")
    with client.responses.stream(model=MODEL, input="weather in Bern?", tools=[WEATHER]) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[2:6] == [
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
    ]
    assert [item.type for item in final.output] == ["function_call"]


def test_a_whole_conversation_with_calls_may_be_sent_back(shared: Live) -> None:
    items: ResponseInputParam = [
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "call_id": "a", "name": "weather", "arguments": "{}"},
        {"type": "function_call", "call_id": "b", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "a", "output": "7 degrees"},
        {"type": "function_call_output", "call_id": "b", "output": "9 degrees"},
        {"role": "assistant", "content": "It is fine."},
        {"role": "user", "content": "count"},
    ]
    answer = shared.openai().responses.create(model=MODEL, input=items, tools=[WEATHER])
    assert answer.output_text.startswith("one")
    history = shared.engine.requests[-1].history
    assert [m["role"] for m in history] == ["user", "assistant", "tool", "tool", "assistant", "user"]
    assert [call["id"] for call in history[1]["tool_calls"]] == ["a", "b"]


def test_log_probabilities_come_when_they_are_asked_for(shared: Live) -> None:
    answer = shared.openai().responses.create(
        model=MODEL,
        input="count",
        max_output_tokens=2,
        top_logprobs=2,
        include=["message.output_text.logprobs"],
    )
    (message,) = answer.output
    assert message.type == "message"
    (part,) = message.content
    assert part.type == "output_text"
    assert part.logprobs is not None
    assert [len(token.top_logprobs) for token in part.logprobs] == [2, 2]


def test_store_false_keeps_nothing_and_says_so(shared: Live) -> None:
    kept = shared.openai().responses.create(model=MODEL, input="The admin port is 1.")
    dropped = shared.openai().responses.create(model=MODEL, input="The admin port is 2.", store=False)
    for answer, store, state in (
        (kept, True, TurnState.LEARNABLE),
        (dropped, False, TurnState.NOT_LEARNED),
    ):
        extra: dict[str, Any] = answer.model_extra or {}
        assert extra["store"] is store
        assert shared.ledger.turn(extra["turn"]["id"]).state is state


def test_a_stream_that_fails_ends_in_a_failed_response(tmp_path: Path) -> None:
    with run_live(tmp_path, ApiPolicy()) as live:
        live.engine.fail_next(EngineError("no memory"), after_tokens=2)
        events = list(live.openai().responses.create(model=MODEL, input="count", stream=True))
        assert events[-1].type == "response.failed"
        assert events[-1].response.error is not None
        assert events[-1].response.error.message == "no memory"
        live.eventually(lambda: [turn.state for turn in live.ledger.turns()] == [TurnState.FAILED])


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({}, "empty_message", "input"),
    ({"input": []}, "empty_message", "input"),
    ({"input": [{"role": "user", "content": ""}]}, "empty_message", "input[0]"),
    ({"input": ["x"]}, "unsupported_content", "input[0]"),
    ({"input": [{"role": "wizard", "content": "x"}]}, "unsupported_content", "input[0]"),
    (
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]},
        "unsupported_content",
        "input[0].content[0]",
    ),
    ({"input": [{"type": "item_reference", "id": "x"}]}, "invalid_value", "input[0]"),
    ({"input": [{"type": "function_call", "name": "x"}]}, "invalid_type", "input[0].arguments"),
    ({"input": "x", "previous_response_id": "resp_1"}, "unsupported_parameter", "previous_response_id"),
    ({"input": "x", "conversation": "conv_1"}, "unsupported_parameter", "conversation"),
    ({"input": "x", "background": True}, "unsupported_parameter", "background"),
    ({"input": "x", "tools": [{"type": "web_search"}]}, "unsupported_parameter", "tools[0]"),
    ({"input": "x", "tools": {}}, "invalid_type", "tools"),
    ({"input": "x", "text": {"format": {"type": "json_object"}}}, "unsupported_parameter", "text.format"),
    ({"input": "x", "metadata": {"a": "\ud800"}}, "invalid_value", "metadata"),
    ({"input": "x", "prompt_cache_key": "\ud800"}, "invalid_value", "prompt_cache_key"),
    ({"input": "x", "instructions": "\ud800"}, "invalid_value", "instructions"),
    (
        {"input": "x", "tools": [{"type": "function", "name": "f", "description": "\ud800"}]},
        "invalid_value",
        "tools",
    ),
    ({"input": "x", "max_output_tokens": 0}, "invalid_value", "max_output_tokens"),
]


def test_every_bad_request_is_refused_by_the_name_that_this_route_gives_it(shared: Live) -> None:
    http = shared.http()
    for body, code, param in BAD:
        content = json.dumps({"model": MODEL, **body})
        response = http.post("/v1/responses", content=content, headers={"content-type": "application/json"})
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["param"]) == (400, code, param), body


def test_keeping_responses_is_refused_in_words_that_say_what_to_do(shared: Live) -> None:
    with pytest.raises(openai.BadRequestError, match="send the earlier items in `input`"):
        shared.openai().responses.create(model=MODEL, input="x", previous_response_id="resp_1")
