from __future__ import annotations

import json
import threading
from pathlib import Path

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from server.api.policy import ApiPolicy
from server.engine.types import EngineDead, EngineError
from server.types import Arm, TurnState
from tests.support.http_server import MODEL, Live, run_live

COUNT: list[ChatCompletionMessageParam] = [{"role": "user", "content": "count"}]


def test_an_answer_names_the_version_that_gave_it_in_body_and_headers(live: Live) -> None:
    raw = live.openai().chat.completions.with_raw_response.create(model=MODEL, messages=COUNT)
    answer = raw.parse()
    assert answer.choices[0].message.content == "one two three four five six seven eight nine ten"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "tiny@v0"
    extra = answer.model_extra
    assert extra is not None
    assert extra["adapter"] == {
        "version": "v0",
        "digest": live.engine.base_digest,
        "arm": "stable",
        "rollout": None,
    }
    assert answer.system_fingerprint == f"lg-{live.engine.base_digest[:12]}"
    assert raw.headers["x-request-id"].startswith("req-")
    assert raw.headers["x-livegraft-version"] == "v0"
    assert raw.headers["x-livegraft-arm"] == "stable"
    assert 0 < float(raw.headers["x-livegraft-overhead-ms"]) < 5_000
    assert raw.headers["x-livegraft-turn"] == extra["turn"]["id"]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (
        2,
        10,
        12,
    )


def test_the_turn_is_in_the_ledger_before_the_answer_is(live: Live) -> None:
    response = live.ask("The admin port is 8443.", user="ana")
    turn = live.turn_of(response)
    assert turn.answer == response.json()["choices"][0]["message"]["content"]
    assert turn.prompt == "The admin port is 8443."
    assert (turn.user, turn.version, turn.arm, turn.state) == ("ana", "v0", Arm.STABLE, TurnState.LEARNABLE)
    job = live.ledger.claim_job("edit", "test", 30)
    assert job is not None
    assert job.payload["turn_id"] == turn.id


def test_a_stream_brings_the_same_text_in_chunks_that_all_name_the_version(live: Live) -> None:
    stream = live.openai().chat.completions.create(
        model=MODEL, messages=COUNT, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "one two three four five six seven eight nine ten"
    assert len(chunks) > 10
    assert {c.id for c in chunks} == {chunks[0].id}
    assert all((c.model_extra or {})["adapter"]["version"] == "v0" for c in chunks)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 10
    assert all(c.usage is None for c in chunks[:-1])


def test_usage_is_streamed_only_when_asked_for(live: Live) -> None:
    chunks = list(live.openai().chat.completions.create(model=MODEL, messages=COUNT, stream=True))
    assert all(chunk.choices for chunk in chunks)


def test_done_is_said_only_after_the_turn_is_on_disk(live: Live) -> None:
    body = {"model": MODEL, "messages": COUNT, "stream": True}
    with live.http().stream("POST", "/v1/chat/completions", json=body) as response:
        for line in response.iter_lines():
            if line == "data: [DONE]":
                assert live.turn_of(response).answer.endswith("ten")
                return
    pytest.fail("no [DONE]")


def test_text_beyond_ascii_arrives_whole_in_both_forms(live: Live) -> None:
    client = live.openai()
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "umlaut"}]
    whole = client.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content
    stream = client.chat.completions.create(model=MODEL, messages=messages, stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in stream) == whole == "Grüße, 世界 🙂"


def test_n_answers_come_from_one_version_with_seeds_counted_on(live: Live) -> None:
    answer = live.openai().chat.completions.create(
        model=MODEL, messages=[{"role": "user", "content": "choose"}], n=3, seed=5, temperature=1
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert [request.sampling.seed for request in live.engine.requests] == [5, 6, 7]
    assert {request.version for request in live.engine.requests} == {"v0"}
    stream = live.openai().chat.completions.create(model=MODEL, messages=COUNT, n=2, stream=True)
    texts = {0: "", 1: ""}
    for chunk in stream:
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert texts == dict.fromkeys((0, 1), "one two three four five six seven eight nine ten")


def test_sampling_parameters_reach_the_engine(live: Live) -> None:
    live.openai().chat.completions.create(
        model=MODEL,
        messages=COUNT,
        temperature=0.5,
        top_p=0.9,
        seed=3,
        stop=["ten", "x"],
        max_completion_tokens=7,
        logprobs=True,
        top_logprobs=2,
    )
    sampling = live.engine.requests[-1].sampling
    assert (sampling.temperature, sampling.top_p, sampling.seed, sampling.stop) == (0.5, 0.9, 3, ("ten", "x"))
    assert (sampling.max_tokens, sampling.logprobs) == (7, 2)


def test_an_answer_cut_by_max_tokens_says_length_and_still_teaches(live: Live) -> None:
    response = live.ask("count", max_tokens=3)
    assert response.json()["choices"][0]["finish_reason"] == "length"
    assert live.turn_of(response).state is TurnState.LEARNABLE


def test_logprobs_have_openais_shape_in_both_forms(live: Live) -> None:
    client = live.openai()
    whole = client.chat.completions.create(
        model=MODEL, messages=COUNT, logprobs=True, top_logprobs=2, max_tokens=2
    )
    logprobs = whole.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert [len(token.top_logprobs) for token in logprobs.content] == [2, 2]
    assert bytes(logprobs.content[0].bytes or []).decode() == logprobs.content[0].token == "one"
    stream = client.chat.completions.create(
        model=MODEL, messages=COUNT, logprobs=True, max_tokens=2, stream=True
    )
    streamed = [c.choices[0].logprobs for c in stream if c.choices[0].delta.content]
    assert [p.content[0].token for p in streamed if p and p.content] == ["one", " two"]


def test_system_developer_and_tool_messages_and_text_parts_are_understood(live: Live) -> None:
    live.openai().chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": "Be brief."},
            {
                "role": "developer",
                "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "kind."}],
            },
            {"role": "assistant", "content": None, "tool_calls": []},
            {"role": "tool", "content": "42", "tool_call_id": "x"},
            {"role": "user", "content": "count"},
        ],
    )
    sent = [(m.role, m.content) for m in live.engine.requests[-1].messages]
    assert sent == [
        ("system", "Be brief."),
        ("system", "Be kind."),
        ("assistant", ""),
        ("user", "42"),
        ("user", "count"),
    ]


def test_unknown_fields_are_ignored(live: Live) -> None:
    assert live.ask("count", prompt_cache_key="x", reasoning_effort="low", whatever=1).status_code == 200


def test_pinned_versions_answer_and_do_not_count_in_the_rollout(live: Live) -> None:
    live.show(live.learn())
    for model, version in ((f"{MODEL}@v1", "v1"), (f"{MODEL}@canary", "v1"), (f"{MODEL}@base", "v0")):
        response = live.http().post(
            "/v1/chat/completions",
            json={"model": model, "messages": [{"role": "user", "content": "What is the admin port?"}]},
        )
        body = response.json()
        assert body["adapter"]["version"] == version
        assert (body["adapter"]["arm"], body["adapter"]["rollout"]) == ("pinned", None)
        assert body["choices"][0]["message"]["content"] == (
            "It is 8443." if version == "v1" else "I don't know that."
        )


def test_a_routed_request_meets_the_canary_and_says_so(live: Live) -> None:
    live.show(live.learn())
    response = live.ask("What is the admin port?", user="ben")
    rollout = live.ledger.rollout()
    assert rollout is not None
    body = response.json()
    assert body["model"] == "tiny@v1"
    assert body["adapter"] == {
        "version": "v1",
        "digest": live.ledger.version("v1").digest,
        "arm": "canary",
        "rollout": rollout.id,
    }
    assert live.turn_of(response).rollout == rollout.id


def test_a_canary_that_fails_before_its_first_token_is_replaced_by_stable(live: Live) -> None:
    live.show(live.learn())
    live.engine.fail_next(EngineError("the adapter made NaN"))
    response = live.ask("What is the admin port?")
    assert response.status_code == 200
    assert response.json()["adapter"] == {
        "version": "v0",
        "digest": live.engine.base_digest,
        "arm": "stable",
        "rollout": None,
    }
    rollout = live.ledger.rollout()
    assert rollout is not None
    live.eventually(lambda: live.ledger.rollout_counts(rollout.id).failed_turns == 1)
    assert live.turn_of(response).state is TurnState.LEARNABLE


def test_a_stream_that_fails_midway_ends_in_an_error_and_counts_against_the_canary(live: Live) -> None:
    live.show(live.learn())
    live.engine.fail_next(EngineError("the adapter made NaN"), after_tokens=3)
    stream = live.openai().chat.completions.create(model=MODEL, messages=COUNT, stream=True)
    texts: list[str] = []

    def read() -> None:
        for chunk in stream:
            texts.append(chunk.choices[0].delta.content or "")

    with pytest.raises(openai.APIError, match="the adapter made NaN") as caught:
        read()
    assert "".join(texts) == "one two three"
    assert caught.value.code == "engine_error"
    live.eventually(lambda: live.ledger.turns(1)[0].state is TurnState.FAILED)
    turn = live.ledger.turns(1)[0]
    assert (turn.answer, turn.arm, turn.version) == ("one two three", Arm.CANARY, "v1")
    rollout = live.ledger.rollout()
    assert rollout is not None
    assert live.ledger.rollout_counts(rollout.id).failed_turns == 1


def test_a_stable_failure_is_an_error_before_any_token_and_a_retry_may_help(live: Live) -> None:
    live.engine.fail_next(EngineError("out of memory"))
    response = live.ask("count")
    assert response.status_code == 500
    assert response.json()["error"] == {
        "message": "out of memory",
        "type": "server_error",
        "param": None,
        "code": "engine_error",
    }
    assert response.headers["x-should-retry"] == "true"


def test_the_official_client_retries_a_failure_by_itself_and_the_turn_is_learned_once(live: Live) -> None:
    live.engine.fail_next(EngineError("hiccup"))
    answer = live.openai(retries=1).chat.completions.create(model=MODEL, messages=COUNT)
    assert answer.choices[0].message.content
    live.eventually(lambda: len(live.ledger.turns()) == 2)
    assert sorted(turn.state for turn in live.ledger.turns()) == [TurnState.FAILED, TurnState.LEARNABLE]


def test_a_dead_engine_is_503_and_says_nothing_against_the_canary(live: Live) -> None:
    live.show(live.learn())
    live.engine.fail_next(EngineDead("the engine was killed; restart the server"))
    response = live.ask("count")
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "engine_dead"
    rollout = live.ledger.rollout()
    assert rollout is not None
    live.eventually(lambda: live.ledger.turns(1)[0].state is TurnState.FAILED)
    assert live.ledger.rollout_counts(rollout.id).failed_turns == 0


def test_a_client_that_leaves_a_stream_frees_its_slot_and_teaches_nothing(live: Live) -> None:
    live.show(live.learn())
    live.engine.seconds_per_token = 0.2
    body = {"model": MODEL, "messages": COUNT, "stream": True}
    with live.http().stream("POST", "/v1/chat/completions", json=body) as response:
        lines = response.iter_lines()
        next(lines)
        assert live.engine.health().running == 1
    live.eventually(lambda: live.engine.health().running == 0)
    live.eventually(lambda: live.ledger.turns(1)[0].state is TurnState.FAILED)
    turn = live.ledger.turns(1)[0]
    assert turn.reason == "the client went away"
    rollout = live.ledger.rollout()
    assert rollout is not None
    assert live.ledger.rollout_counts(rollout.id).failed_turns == 0


def test_a_client_that_leaves_while_waiting_for_a_whole_answer_frees_its_slot(live: Live) -> None:
    live.engine.seconds_per_token = 0.2
    impatient = live.http()
    with pytest.raises(Exception, match="timed out"):
        impatient.post("/v1/chat/completions", json={"model": MODEL, "messages": COUNT}, timeout=0.5)
    live.eventually(lambda: live.engine.health().running == 0)
    live.eventually(lambda: [turn.state for turn in live.ledger.turns()] == [TurnState.FAILED])


def test_a_client_that_leaves_before_the_first_token_frees_its_slot(live: Live) -> None:
    live.engine.seconds_per_token = 5
    impatient = live.http()
    with pytest.raises(Exception, match="timed out"):
        impatient.post("/v1/chat/completions", json={"model": MODEL, "messages": COUNT}, timeout=0.3)
    live.eventually(lambda: live.engine.health().running == 0)
    live.eventually(lambda: [turn.state for turn in live.ledger.turns()] == [TurnState.FAILED])


def test_requests_beyond_the_queue_are_turned_away_and_told_to_come_back(tmp_path: Path) -> None:
    with run_live(tmp_path, ApiPolicy(max_waiting=1), max_batch=1) as live:
        live.engine.seconds_per_token = 0.05
        threads = [threading.Thread(target=live.ask, args=("count",)) for _ in range(2)]
        for thread in threads:
            thread.start()
        live.eventually(lambda: live.engine.health().waiting == 1)
        response = live.ask("count")
        assert response.status_code == 503
        assert response.json()["error"]["code"] == "server_is_overloaded"
        assert response.headers["retry-after"] == "1"
        assert response.headers["x-should-retry"] == "true"
        for thread in threads:
            thread.join()
        assert len(live.ledger.turns()) == 2


def test_answers_in_flight_finish_on_their_version_when_the_ref_moves(live: Live) -> None:
    live.engine.seconds_per_token = 0.03
    body = {"model": MODEL, "messages": COUNT, "stream": True}
    versions: list[str] = []
    with live.http().stream("POST", "/v1/chat/completions", json=body) as response:
        for n, line in enumerate(line for line in response.iter_lines() if line.startswith("data: {")):
            if n == 1:
                live.show(live.learn())
            versions.append(json.loads(line[6:])["adapter"]["version"])
    assert set(versions) == {"v0"}
    assert live.ask("count").json()["adapter"]["version"] == "v1"


def test_a_rollback_is_in_force_for_the_next_request(live: Live) -> None:
    live.show(live.learn())
    assert live.ask("What is the admin port?").json()["choices"][0]["message"]["content"] == "It is 8443."
    response = live.http().post("/v1/adapters/rollback", json={"reason": "wrong port"})
    assert response.status_code == 200
    again = live.ask("What is the admin port?").json()
    assert again["choices"][0]["message"]["content"] == "I don't know that."
    assert again["adapter"]["version"] == "v0"
