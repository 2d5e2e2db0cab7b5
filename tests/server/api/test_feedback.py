"""Everything that may be said of an answer, and what is not accepted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.http_server import Live


def say(live: Live, **said: Any) -> str:
    """Feedback on a fresh answer; the turn."""
    turn = live.ask("count", user="ana").headers["x-livegraft-turn"]
    response = live.http().post("/v1/feedback", json={"turn_id": turn, **said})
    assert response.status_code == 200, response.text
    return turn


@pytest.mark.parametrize(
    ("said", "kind", "value"),
    [
        ({"value": True}, "thumb", True),
        ({"value": "down"}, "thumb", "down"),
        ({"value": 2, "scale": [1, 5]}, "rating", {"rating": 2, "min": 1, "max": 5}),
        ({"comment": "too long"}, "comment", None),
        ({"demonstration": "One to ten."}, "demonstration", None),
    ],
)
def test_each_kind_of_feedback_is_stored_and_counted(
    live: Live, said: dict[str, Any], kind: str, value: object
) -> None:
    (row,) = live.ledger.feedback(say(live, **said))
    assert (row.metric_name, row.value, row.user) == (kind, value, "ana")
    assert f'livegraft_feedback_total{{kind="{kind}"}} 1.0' in live.http().get("/metrics").text


@pytest.mark.parametrize(("grade", "objects"), [(1, True), (2, True), (3, False), (4, False), (5, False)])
def test_a_grade_objects_in_the_lower_quarter_of_its_scale(live: Live, grade: int, objects: bool) -> None:
    say(live, value=grade, scale=[1, 5])
    kinds = live.http().get("/v1/feedback/v0").json()["kinds"]
    assert ("objected" in kinds) == objects
    assert kinds["answers"]["stable"] == {"turns": 1, "users": 1, "conversations": 1}


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({}, "value"),
        ({"comment": "  "}, "value"),
        ({"value": 7, "scale": [1, 5]}, "scale"),
        ({"value": 3, "scale": [5, 1]}, "scale"),
        ({"value": True, "scale": [0, 1]}, "value"),
        ({"value": "good", "scale": [0, 1]}, "value"),
        ({"value": 3, "scale": [1]}, "scale"),
    ],
)
def test_what_says_nothing_or_is_off_its_scale_is_refused_by_name(
    live: Live, said: dict[str, Any], param: str
) -> None:
    refused = live.http().post("/v1/feedback", json={"turn_id": "t", **said})
    assert refused.status_code == 400
    assert refused.json()["error"]["param"].startswith(param)


def test_a_front_end_that_knows_no_turn_names_conversation_and_answer(live: Live) -> None:
    answer = live.ask("count", headers={"x-openwebui-chat-id": "chat-7"})
    text = answer.json()["choices"][0]["message"]["content"]
    http = live.http()
    said = {"conversation": "chat-7", "answer": f"\n{text} ", "value": 1}
    assert http.post("/v1/feedback", json=said).status_code == 200
    assert len(live.ledger.feedback(answer.headers["x-livegraft-turn"])) == 1
    assert http.post("/v1/feedback", json={**said, "conversation": "chat-8"}).status_code == 404
    assert http.post("/v1/feedback", json={**said, "answer": "other"}).status_code == 404
    assert http.post("/v1/feedback", json={"conversation": "chat-7", "value": 1}).status_code == 400


def test_what_is_said_again_under_a_key_takes_the_place_of_what_was_said(live: Live) -> None:
    turn = live.ask("count", user="ana").headers["x-livegraft-turn"]
    http = live.http()
    for value in (True, True, False):
        http.post("/v1/feedback", json={"turn_id": turn, "value": value, "key": "thumb-1"})
    http.post("/v1/feedback", json={"turn_id": turn, "value": True, "key": "thumb-1", "user": "ben"})
    assert [(row.user, row.value) for row in live.ledger.feedback(turn)] == [("ana", False), ("ben", True)]
    assert live.ledger.count_open_jobs("preference") == 2, "only what changed is judged again"


def test_feedback_of_a_version_that_is_not_there_says_so(live: Live) -> None:
    assert live.http().get("/v1/feedback/v7").status_code == 404
