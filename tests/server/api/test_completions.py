"""POST /v1/completions, by the official client."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from server.engine.types import EngineError
from server.types import TurnState
from tests.support.http_server import MODEL, Live


def test_a_text_is_continued_raw_and_says_which_version_did_it(shared: Live) -> None:
    answer = shared.openai().completions.create(model=MODEL, prompt="Please count", max_tokens=32)
    assert answer.object == "text_completion"
    assert answer.choices[0].text == "one two three four five six seven eight nine ten"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "tiny@v0"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 10)
    request = shared.engine.requests[-1]
    assert (request.text, request.messages) == ("Please count", ())


def test_openais_default_length_is_kept(shared: Live) -> None:
    shared.openai().completions.create(model=MODEL, prompt="count")
    assert shared.engine.requests[-1].sampling.max_tokens == 16


def test_several_prompts_give_n_answers_each_in_openais_order_with_seeds_of_their_own(live: Live) -> None:
    answer = live.openai().completions.create(
        model=MODEL, prompt=["count", "umlaut"], n=2, seed=7, max_tokens=32
    )
    texts = [choice.text for choice in answer.choices]
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert texts[0] == texts[1] != texts[2]
    assert texts[2] == texts[3] == "Grüße, 世界 🙂"
    assert [request.sampling.seed for request in live.engine.requests] == [7, 8, 7, 8]
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 2  # a piece each, read once for both answers


def test_a_stream_brings_the_same_text_and_its_usage_last(shared: Live) -> None:
    stream = shared.openai().completions.create(
        model=MODEL, prompt="count", stream=True, max_tokens=32, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(c.choices[0].text for c in chunks if c.choices).endswith("nine ten")
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert all(c.usage is None for c in chunks[:-1])


def test_logprobs_have_the_older_shape_with_offsets_that_point_into_the_text(shared: Live) -> None:
    def check(text: str, logprobs: Any) -> None:
        for token, offset in zip(logprobs.tokens, logprobs.text_offset, strict=True):
            assert text[offset:].startswith(token)
        assert len(logprobs.token_logprobs) == len(logprobs.tokens) == len(logprobs.top_logprobs) == 4
        assert all(len(top) == 2 for top in logprobs.top_logprobs)

    client = shared.openai()
    whole = client.completions.create(model=MODEL, prompt="count", logprobs=2, max_tokens=4).choices[0]
    check(whole.text, whole.logprobs)
    stream = client.completions.create(model=MODEL, prompt="count", logprobs=2, max_tokens=4, stream=True)
    pieces = [chunk.choices[0] for chunk in stream]
    offsets = [offset for piece in pieces if piece.logprobs for offset in piece.logprobs.text_offset or ()]
    assert whole.logprobs is not None
    assert offsets == whole.logprobs.text_offset


def test_a_completion_is_recorded_and_never_learned(shared: Live) -> None:
    answer = shared.http().post("/v1/completions", json={"model": MODEL, "prompt": "The port is 8443."})
    turn = shared.turn_of(answer)
    assert (turn.state, turn.reason) == (TurnState.NOT_LEARNED, "a raw completion is no conversation")
    assert turn.prompt == "The port is 8443."
    by_its_own_id = shared.http().get(f"/v1/turns/{answer.json()['id']}")
    assert by_its_own_id.json()["turn"]["id"] == turn.id


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({}, "missing_required_parameter", "prompt"),
    ({"prompt": ""}, "empty_message", "prompt"),
    ({"prompt": []}, "invalid_value", "prompt"),
    ({"prompt": ["x", ""]}, "empty_message", "prompt"),
    ({"prompt": [1, 2]}, "unsupported_content", "prompt"),
    ({"prompt": [[1, 2]]}, "unsupported_content", "prompt"),
    ({"prompt": {"a": 1}}, "invalid_type", "prompt"),
    ({"prompt": ["x"] * 65}, "invalid_value", "prompt"),
    ({"prompt": "x", "echo": True}, "unsupported_parameter", "echo"),
    ({"prompt": "x", "suffix": "y"}, "unsupported_parameter", "suffix"),
    ({"prompt": "x", "best_of": 3}, "unsupported_parameter", "best_of"),
    ({"prompt": "x", "frequency_penalty": 1}, "unsupported_parameter", "frequency_penalty"),
    ({"prompt": "x", "n": 9}, "invalid_value", "n"),
    ({"prompt": "x", "logprobs": 21}, "invalid_value", "logprobs"),
    ({"prompt": "x", "stream_options": {}}, "invalid_value", "stream_options"),
]


def test_every_bad_completion_is_refused_by_name(live: Live) -> None:
    http = live.http()
    for body, code, param in BAD:
        response = http.post("/v1/completions", json={"model": MODEL, **body})
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["param"]) == (400, code, param), body
    assert live.ledger.turns() == []


def test_a_stream_that_fails_ends_in_an_error_that_the_official_client_raises(live: Live) -> None:
    live.engine.fail_next(EngineError("no memory"), after_tokens=2)
    stream = live.openai().completions.create(model=MODEL, prompt="count", stream=True)
    with pytest.raises(openai.APIError, match="no memory"):
        list(stream)
    live.eventually(lambda: [turn.state for turn in live.ledger.turns()] == [TurnState.FAILED])
