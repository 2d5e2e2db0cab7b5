"""Requests in vLLM's words, and its events as chunks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from server.engine.types import GenerationRequest, Sampling
from server.engine.vllm import wire
from server.engine.vllm.errors import ReplicaFailed
from tests.server.engine.vllm.conftest import ask

TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def test_fields_for_the_engines_features_are_passed_as_they_came_and_change_no_other() -> None:
    options = {"tools": [TOOL], "tool_choice": "auto", "response_format": {"type": "json_object"}}
    request = replace(ask(), options={**options, "presence_penalty": 0.5, "model": "another"})
    body = wire.chat(request, "livegraft-v1")
    assert body.items() >= options.items()
    assert body["presence_penalty"] == 0.5
    assert body["model"] == "livegraft-v1"
    assert body["stream"]


def test_what_a_grammar_forbids_is_no_alternative() -> None:
    tops = [{"token": "7", "logprob": -0.5}, {"token": "8", "logprob": -9999.0}]
    told = {"content": [{"token": "7", "logprob": -0.5, "top_logprobs": tops}]}
    chunk = wire.chunk({"choices": [{"delta": {"content": "7"}, "logprobs": told}]}, 2)
    assert chunk is not None
    ((_, alternatives),) = chunk.logprobs
    assert [one.token for one in alternatives] == ["7"]


def test_calls_and_their_results_reach_the_template_as_the_client_sent_them() -> None:
    history = ({"role": "user", "content": "Hi"}, {"role": "tool", "tool_call_id": "c", "content": "sunny"})
    assert wire.conversation(replace(ask(), history=history))["messages"] == list(history)
    assert wire.conversation(replace(ask(), options={"tools": [TOOL]}))["tools"] == [TOOL]


def test_a_call_of_a_tool_comes_piece_by_piece_and_ends_the_answer() -> None:
    pieces = [{"index": 0, "function": {"arguments": '{"a"'}}]
    begun = wire.chunk({"choices": [{"delta": {"tool_calls": pieces}, "finish_reason": None}]}, None)
    ended = wire.chunk({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}, None)
    assert begun is not None
    assert begun.tool_calls == tuple(pieces)
    assert ended is not None
    assert ended.finish_reason == "tool_calls"


def test_raw_text_goes_as_it_is() -> None:
    request = GenerationRequest("r", (), text="Once", sampling=Sampling(5, stop=("", "x")))
    body = wire.completion(request, "base", "Once")
    assert body["prompt"] == "Once"
    assert body["stop"] == ["x"]
    assert "messages" not in body


def test_no_more_alternatives_are_asked_for_than_vllm_gives() -> None:
    for asked, sent in ((0, 0), (3, 4), (20, 20)):
        request = replace(ask(), sampling=Sampling(logprobs=asked))
        assert wire.chat(request, "base")["top_logprobs"] == sent


@pytest.mark.parametrize("event", [{}, {"choices": 3}, {"choices": [None]}, {"choices": [{"delta": "x"}]}])
def test_what_is_no_event_of_an_answer_is_the_replicas_failure(event: dict[str, Any]) -> None:
    with pytest.raises(ReplicaFailed, match="cannot be read"):
        wire.chunk(event, None)
