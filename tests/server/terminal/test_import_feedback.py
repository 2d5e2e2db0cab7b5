"""Open WebUI's exported ratings, in the shape in which it writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.server.terminal.conftest import Run
from tests.support.http_server import Live


def rated(name: str, rating: object, content: str, **data: Any) -> dict[str, Any]:
    """An entry of the export."""
    message = {"id": "m2", "parentId": "m1", "role": "assistant", "content": content, "model": "tiny"}
    chat = {"id": "chat-7", "user_id": "u", "title": "T", "chat": {"history": {"messages": {"m2": message}}}}
    return {
        "id": name,
        "user_id": "u",
        "version": 0,
        "type": "rating",
        "data": {"rating": rating, "model_id": "tiny", "sibling_model_ids": None, "tags": [], **data},
        "meta": {"model_id": "tiny", "message_id": "m2", "message_index": 2, "chat_id": "chat-7"},
        "snapshot": {"chat": chat},
        "created_at": 1_764_000_000,
        "updated_at": 1_764_000_001,
        "user": {"name": "Ana"},
    }


def test_ratings_find_their_turns_by_chat_and_answer_and_come_in_once(
    live: Live, livegraft: Run, tmp_path: Path
) -> None:
    answer = live.ask("count", headers={"x-openwebui-chat-id": "chat-7"})
    text = answer.json()["choices"][0]["message"]["content"]
    changed = rated("f2", "1", "what a filter made of it")
    changed["snapshot"]["chat"]["chat"]["history"]["messages"]["m2"]["originalContent"] = text
    rows = [
        rated("f1", -1, text, reason="not_correct", comment="ten is missing", details={"rating": 2}),
        changed,
        rated("f3", None, text),
        rated("f4", 1, "an answer that nobody gave here"),
    ]
    file = tmp_path / "feedback-history-export-1764000000000.json"
    file.write_text(json.dumps(rows))
    for _ in range(2):
        code, out, _ = livegraft("import-feedback", str(file), "--json")
        assert (code, json.loads(out)) == (0, {"imported": 2, "unknown_turn": 1, "no_rating": 1})
    said = live.ledger.feedback(answer.headers["x-livegraft-turn"])
    found = sorted((row.metric_name, str(row.value), row.comment) for row in said)
    assert found == [
        ("rating", "{'rating': 2, 'min': 1.0, 'max': 10.0}", ""),
        ("thumb", "-1", "not_correct: ten is missing"),
        ("thumb", "1", ""),
    ]
    _, out, _ = livegraft("import-feedback", str(file))
    assert "2 imported, 1 of turns that are not in the ledger, 1 without a rating" in out


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{}", "no list of feedbacks"),
        ("rating,comment", "no JSON"),
        ('[{"id": "x"}]', "entry 1: `data` is missing"),
        (None, "cannot read"),
    ],
)
def test_a_file_that_is_no_export_is_named(
    livegraft: Run, tmp_path: Path, text: str | None, complaint: str
) -> None:
    file = tmp_path / "export.json"
    if text is not None:
        file.write_text(text)
    code, _, err = livegraft("import-feedback", str(file))
    assert (code, complaint in err) == (1, True)
