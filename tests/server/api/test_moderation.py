from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from openai.types import ModerationTextInputParam
from openai.types.chat import ChatCompletionMessageParam
from openai.types.chat.completion_create_params import Moderation

from guardian import Guardian, Policy
from server.api.policy import ApiPolicy
from server.engine.fake import Rule
from server.types import TurnState
from tests.support import http_server
from tests.support.http_server import MODEL, Live, run_live

THREAT = "I will kill you and your family."
INSULT = "You are a pathetic worthless idiot."
KIND = "The library in Arden opens at 9 am."
BLOCK_BOTH: Moderation = {"model": "any", "policy": {"input": {"mode": "block"}, "output": {"mode": "block"}}}
BLOCK_OUTPUT = {"model": "any", "policy": {"output": {"mode": "block"}}}


@pytest.fixture
def rude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Live]:
    """A server whose model answers 'insult me' with an insult."""
    monkeypatch.setattr(http_server, "SCRIPT", (Rule("insult me", (INSULT,)), *http_server.SCRIPT))
    with run_live(tmp_path, ApiPolicy()) as live:
        yield live


def said(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def test_the_official_client_reads_one_result_for_each_text(live: Live) -> None:
    answer = live.openai().moderations.create(input=[KIND, THREAT, ""], model="omni-moderation-latest")
    assert answer.id.startswith("modr-")
    assert answer.model.startswith("livegraft-guardian-")
    assert [result.flagged for result in answer.results] == [False, True, False]
    threat = answer.results[1]
    assert threat.categories.harassment_threatening
    assert threat.categories.violence
    assert threat.category_scores.harassment_threatening == 1.0
    assert threat.category_applied_input_types.violence == ["text"]
    assert answer.results[0].category_scores.harassment < 0.4


def test_a_string_and_text_parts_are_one_input(live: Live) -> None:
    client = live.openai()
    assert len(client.moderations.create(input=THREAT).results) == 1
    given: list[ModerationTextInputParam] = [{"type": "text", "text": KIND}, {"type": "text", "text": THREAT}]
    parts = client.moderations.create(input=given)
    assert [result.flagged for result in parts.results] == [True]


def test_contempt_of_a_group_is_hate_and_a_disguised_insult_is_seen(live: Live) -> None:
    hate, disguised = (
        live.openai()
        .moderations.create(input=["All immigrants are vermin.", "I will k\u200bi\u200bll you all"])
        .results
    )
    assert hate.categories.hate
    assert not hate.categories.violence
    assert disguised.flagged


def test_a_category_that_the_scorer_cannot_see_says_so(live: Live) -> None:
    (result,) = live.openai().moderations.create(input=KIND).results
    unseen = [
        name
        for name, types in result.category_applied_input_types.model_dump(by_alias=True).items()
        if not types
    ]
    scores = result.category_scores.model_dump(by_alias=True)
    assert all(scores[name] == 0 for name in unseen)
    assert "harassment" not in unseen


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], "empty_array"),
        ([{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}], "unsupported_content"),
        ([1], "invalid_type"),
        (["x" * 100_001], "invalid_value"),
        (["x"] * 257, "invalid_value"),
    ],
)
def test_input_that_cannot_be_scored_is_refused_by_name(live: Live, given: object, code: str) -> None:
    response = live.http().post("/v1/moderations", json={"input": given})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == code


def test_a_missing_model_folder_is_503_and_says_which(tmp_path: Path) -> None:
    with run_live(tmp_path / "home", ApiPolicy()) as live:
        broken = Guardian(Policy(toxicity_model_dir=str(tmp_path / "nowhere")))
        object.__setattr__(live.context, "guardian", broken)
        response = live.http().post("/v1/moderations", json={"input": KIND})
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "guardian_unavailable"
        assert "nowhere" in response.json()["error"]["message"]
        assert "moderation" not in live.ask("count").json()
        scored = live.ask("count", moderation={"model": "any"})
        assert scored.status_code == 200
        assert scored.json()["moderation"]["output"]["type"] == "error"
        assert live.ask("count", moderation=BLOCK_BOTH).status_code == 503


def test_moderation_needs_a_key_where_there_are_keys(locked: Live) -> None:
    assert locked.http().post("/v1/moderations", json={"input": KIND}).status_code == 401
    assert locked.http("key-of-ada-herself").post("/v1/moderations", json={"input": KIND}).status_code == 200


def test_an_answer_carries_a_moderation_object_only_when_it_was_asked_for(rude: Live) -> None:
    client = rude.openai()
    assert client.chat.completions.create(model=MODEL, messages=said("insult me")).moderation is None
    answer = client.chat.completions.create(
        model=MODEL, messages=said("insult me"), moderation={"model": "omni-moderation-latest"}
    )
    assert answer.choices[0].message.content == INSULT
    assert answer.moderation is not None
    assert answer.moderation.input.type == answer.moderation.output.type == "moderation_results"
    assert [result.flagged for result in answer.moderation.input.results] == [False]
    assert [result.flagged for result in answer.moderation.output.results] == [True]


def test_a_stream_brings_the_moderation_in_a_chunk_of_its_own_after_the_text(rude: Live) -> None:
    stream = rude.openai().chat.completions.create(
        model=MODEL,
        messages=said("insult me"),
        stream=True,
        moderation={"model": "any"},
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    noted = [i for i, chunk in enumerate(chunks) if chunk.moderation is not None]
    assert noted == [len(chunks) - 2]
    assert chunks[noted[0]].choices == []
    moderation = chunks[noted[0]].moderation
    assert moderation is not None
    assert moderation.output.type == "moderation_results"
    assert moderation.output.results[0].flagged
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == INSULT


def test_a_flagged_request_that_may_be_blocked_generates_nothing(live: Live) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        live.openai().chat.completions.create(
            model=MODEL,
            messages=said(THREAT),
            moderation={"model": "any", "policy": {"input": {"mode": "block"}}},
        )
    assert caught.value.code == "moderation_blocked"
    assert live.engine.requests == []
    assert live.ledger.turns() == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_flagged_answer_that_may_be_blocked_is_withheld_and_not_learned(rude: Live, stream: bool) -> None:
    body = {
        "model": MODEL,
        "messages": said("insult me"),
        "moderation": BLOCK_OUTPUT,
        "stream": stream,
        "logprobs": True,
    }
    response = rude.http().post("/v1/chat/completions", json=body)
    assert response.status_code == 200
    assert "pathetic" not in response.text
    assert "content_filter" in response.text
    turn = rude.turn_of(response)
    assert turn.answer == ""
    assert (turn.state, turn.reason) == (TurnState.NOT_LEARNED, "moderation withheld the answer")


def test_a_harmless_answer_passes_a_blocking_stream_whole(live: Live) -> None:
    stream = live.openai().chat.completions.create(
        model=MODEL,
        messages=said("count"),
        stream=True,
        moderation=BLOCK_BOTH,
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert text == "one two three four five six seven eight nine ten"


def test_a_broken_moderation_request_is_refused_by_name(live: Live) -> None:
    response: httpx.Response = live.ask("count", moderation={"policy": {"output": {"mode": "maybe"}}})
    assert response.status_code == 400
    assert "moderation" in response.json()["error"]["param"]
