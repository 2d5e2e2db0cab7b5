"""What must not be learned is not learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from server.api.policy import ApiPolicy
from server.engine.types import EngineError
from server.types import Turn, TurnState
from tests.support.http_server import MODEL, Live, run_live


def learnable(live: Live) -> bool:
    """Whether anything at all would be learned."""
    return live.ledger.claim_job("edit", "test", 30) is not None


def test_store_false_answers_but_keeps_no_word_of_it(live: Live) -> None:
    response = live.ask("My PIN is 1234.", store=False)
    assert response.json()["choices"][0]["message"]["content"]
    turn = live.turn_of(response)
    assert (turn.state, turn.reason) == (TurnState.NOT_LEARNED, "store: false")
    assert (turn.messages, turn.answer, turn.request_hash) == ((), "", "")
    assert response.json()["turn"]["state"] == "not_learned"
    assert not learnable(live)


def test_store_true_and_null_learn(live: Live) -> None:
    assert live.turn_of(live.ask("A.", store=True)).state is TurnState.LEARNABLE
    assert live.turn_of(live.ask("B.", store=None)).state is TurnState.LEARNABLE


HIDDEN = [
    "### Task:\nGenerate a concise, 3-5 word title with an emoji summarizing the chat history.",
    "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history.",
    "  ### Task:\nSuggest 3-5 relevant follow-up questions or prompts that the user might ask next.",
    "Provide a concise, 5-word-or-less title for the conversation, using title case conventions.",
    "Please generate a concise, 5-word-or-less title for the conversation",
    "Analyze this conversation and provide:\n1. The detected language of the conversation",
    "Please generate a concise title (max 40 characters) for a conversation that starts with:",
    "Your task is to reflect the speaker's likely facial expression through a fitting emoji.",
    'You have been provided with a set of responses from various models to the latest user query: "x"',
    "### Task:\nSummarize the conversation history that will be compacted out of the active chat context.",
    "### Task:\nRespond to the user query using the provided context, incorporating inline citations.",
]
PICKING_TOOLS = (
    'Available Tools: [{"name": "weather"}]\n\n'
    "Your task is to choose and return the correct tool(s) from the list of available tools."
)


def test_a_front_end_that_has_the_model_pick_tools_teaches_nothing(live: Live) -> None:
    messages = [
        {"role": "system", "content": PICKING_TOOLS},
        {"role": "user", "content": 'Query: History:\nUSER: """The admin port is 8443."""'},
    ]
    response = live.http().post("/v1/chat/completions", json={"model": MODEL, "messages": messages})
    assert "front-end" in live.turn_of(response).reason


def test_the_same_request_under_one_idempotency_key_is_one_turn(live: Live) -> None:
    key = {"Idempotency-Key": "k-1"}
    one, again = [live.ask("The admin port is 8443.", headers=key) for _ in range(2)]
    assert live.turn_of(one).id == live.turn_of(again).id
    assert one.json()["id"] == again.json()["id"]
    assert len(live.ledger.turns()) == 1
    other = live.ask("The admin port is 9000.", headers=key)
    assert live.turn_of(other).id != live.turn_of(one).id
    assert {turn.state for turn in live.ledger.turns()} == {TurnState.LEARNABLE}


def test_a_retry_under_an_idempotency_key_is_learned_when_the_first_try_failed(live: Live) -> None:
    live.engine.fail_next(EngineError("hiccup"))
    key = {"Idempotency-Key": "k-2"}
    assert live.ask("The admin port is 8443.", headers=key).status_code == 500
    live.eventually(lambda: [turn.state for turn in live.ledger.turns()] == [TurnState.FAILED])
    assert live.turn_of(live.ask("The admin port is 8443.", headers=key)).state is TurnState.LEARNABLE


def test_hidden_prompts_of_front_ends_teach_nothing(live: Live) -> None:
    for prompt in HIDDEN:
        turn = live.turn_of(live.ask(prompt))
        assert turn.state is TurnState.NOT_LEARNED, prompt
        assert "front-end" in turn.reason
    assert not learnable(live)


def test_a_front_end_may_name_its_task_in_a_header_or_in_metadata(live: Live) -> None:
    by_header = live.turn_of(live.ask("Tags?", headers={"X-Livegraft-Task": "tags_generation"}))
    by_metadata = live.turn_of(live.ask("Title?", metadata={"task": "title_generation"}))
    assert by_header.reason == "hidden turn of a front-end: tags_generation"
    assert by_metadata.reason == "hidden turn of a front-end: title_generation"
    for n, unfilled in enumerate(("", "{{TASK}}", "None")):
        turn = live.turn_of(live.ask(f"Hi {n}", headers={"X-Livegraft-Task": unfilled}))
        assert turn.state is TurnState.LEARNABLE


def test_tool_plumbing_teaches_nothing_but_the_users_next_words_do(live: Live) -> None:
    history: list[dict[str, Any]] = [
        {"role": "user", "content": "Look up the port."},
        {"role": "assistant", "content": "", "tool_calls": []},
        {"role": "tool", "content": "8443", "tool_call_id": "x"},
    ]
    http = live.http()
    plumbing = http.post("/v1/chat/completions", json={"model": MODEL, "messages": history})
    assert live.turn_of(plumbing).reason == "the last message is of role tool, not the user's"
    said = [
        *history,
        {"role": "assistant", "content": "8443"},
        {"role": "user", "content": "It is 9000 now."},
    ]
    after = http.post("/v1/chat/completions", json={"model": MODEL, "messages": said})
    assert live.turn_of(after).state is TurnState.LEARNABLE


def test_an_empty_answer_teaches_nothing(live: Live) -> None:
    turn = live.turn_of(live.ask("silence"))
    assert (turn.state, turn.reason) == (TurnState.NOT_LEARNED, "the answer was empty")


def test_the_same_request_again_teaches_nothing_new(live: Live) -> None:
    first = live.turn_of(live.ask("The port is 8443.", user="ana"))
    again = live.turn_of(live.ask("The port is 8443.", user="ana"))
    other = live.turn_of(live.ask("The port is 8443.", user="ben"))
    assert first.state is TurnState.LEARNABLE
    assert again.state is TurnState.NOT_LEARNED
    assert first.id in again.reason
    assert other.state is TurnState.LEARNABLE


def test_a_retry_is_recognised_however_late_it_comes(live: Live) -> None:
    first = live.turn_of(live.ask("The port is 8443."))
    live.ledger.write(lambda tx: _age(tx, first, 10_000))
    fresh = live.turn_of(live.ask("The port is 8443."))
    assert fresh.state is TurnState.LEARNABLE
    live.ledger.write(lambda tx: _age(tx, fresh, 10_000))
    retried = live.turn_of(live.ask("The port is 8443.", headers={"x-stainless-retry-count": "1"}))
    assert retried.state is TurnState.NOT_LEARNED


def _age(tx: Any, turn: Turn, seconds: float) -> None:
    from sqlalchemy import update

    from server.ledger.schema import turns

    tx.db.execute(update(turns).where(turns.c.id == turn.id).values(created_at=turn.created_at - seconds))


def test_conversations_are_told_apart_by_the_front_ends_id_else_by_their_first_words(live: Live) -> None:
    def conversation(text: str, **more: Any) -> str:
        return live.turn_of(live.ask(text, **more)).conversation

    assert conversation("A", headers={"X-OpenWebUI-Chat-Id": "chat-7"}) == "chat-7"
    assert conversation("A2", metadata={"conversation_id": "chat-8"}) == "chat-8"
    assert conversation("B", user="ana") != conversation("B", user="ben") != conversation("C", user="ben")


def test_learning_that_is_switched_off_is_the_reason_of_every_turn(tmp_path: Path) -> None:
    with run_live(tmp_path, ApiPolicy(learning_enabled=False)) as live:
        turn = live.turn_of(live.ask("The port is 8443."))
        assert (turn.state, turn.reason) == (TurnState.NOT_LEARNED, "learning is switched off")
        assert not learnable(live)


@pytest.mark.parametrize("stream", [False, True])
def test_a_ledger_that_cannot_write_stops_no_answer_and_the_answer_says_so(stream: bool, live: Live) -> None:
    live.ledger.close()
    response = live.ask("silence is golden, count", stream=stream)
    assert response.status_code == 200
    assert "one" in response.text
    assert '"recorded":false' in response.text.replace(": ", ":")
    assert "The ledger was closed." in response.text
    if not stream:
        assert "x-livegraft-turn" not in response.headers
    assert "livegraft_turns_unrecorded_total 1.0" in live.http().get("/metrics").text
