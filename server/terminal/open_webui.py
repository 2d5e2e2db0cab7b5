"""`livegraft import-feedback FILE`: Open WebUI's ratings (Admin, Evaluations, Feedbacks, Export as JSON).

The file is a list of `{"id", "type": "rating", "data": {"rating": 1 or -1, "comment", "reason", "tags",
"details": {"rating": 1 to 10}}, "meta": {"chat_id", "message_id"}, "snapshot": {"chat": {"chat": {"history":
{"messages": {id: {"content", "originalContent"}}}}}}}`. A rating finds its turn by chat and answer, so the
conversations must have come here from Open WebUI with its chat id (`ENABLE_FORWARD_USER_INFO_HEADERS`, or a
connection header). Bringing the same file in again changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from server.terminal.client import Client, NotFound, TerminalError

DETAILS = (1, 10)
"""The scale of the second question, asked after the thumb."""


@dataclass(frozen=True, slots=True)
class Rating:
    """One rating of the file."""

    id: str
    chat: str
    answers: tuple[str, ...]
    """What the message says now, and what it said before somebody or a filter changed it."""
    thumb: int
    detail: float | None
    comment: str


def import_feedback(client: Client, console: Console, path: str) -> dict[str, Any]:
    """Send each rating; how many found their turn. Raises TerminalError for a file that is no such export."""
    told = {"imported": 0, "unknown_turn": 0, "no_rating": 0}
    for index, row in enumerate(_rows(path)):
        rating = read(row, f"{path}, entry {index + 1}")
        if rating is None:
            told["no_rating"] += 1
        elif _send(client, rating):
            told["imported"] += 1
        else:
            told["unknown_turn"] += 1
            console.print(f"[yellow]no turn[/] for rating {escape(rating.id)} of chat {escape(rating.chat)}")
    return told


def read(row: Any, where: str) -> Rating | None:
    """One entry; None where nobody gave a thumb. Raises TerminalError naming what is wrong."""
    data, meta = _part(row, "data", where), _part(row, "meta", where)
    thumb = {"1": 1, "-1": -1}.get(str(data.get("rating")))
    if row.get("type") not in (None, "rating") or thumb is None:
        return None
    message = _message(row, meta)
    texts = (message.get(name) for name in ("content", "originalContent"))
    answers = tuple(str(text).strip() for text in texts if text)
    detail = (data.get("details") or {}).get("rating")
    said = [str(data[name]) for name in ("reason", "comment") if data.get(name)]
    return Rating(
        id=str(row.get("id") or f"{meta.get('chat_id')}/{meta.get('message_id')}"),
        chat=str(meta.get("chat_id") or ""),
        answers=answers,
        thumb=thumb,
        detail=detail if isinstance(detail, int | float) and DETAILS[0] <= detail <= DETAILS[1] else None,
        comment=": ".join(said)[:10_000],
    )


def _send(client: Client, rating: Rating) -> bool:
    """Whether a turn gave that answer."""
    for answer in rating.answers:
        about = {"conversation": rating.chat[:256], "answer": answer, "key": f"open-webui {rating.id}"[:200]}
        thumb = {"metric_name": "thumb", "value": rating.thumb, "comment": rating.comment}
        try:
            client.post("/v1/feedback", {**about, **thumb})
            if rating.detail is not None:
                grade = {"metric_name": "rating", "value": rating.detail, "scale": DETAILS}
                client.post("/v1/feedback", {**about, **grade, "key": f"{about['key']} detail"})
        except NotFound:
            continue
        return True
    return False


def _rows(path: str) -> Iterator[Any]:
    try:
        rows = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise TerminalError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise TerminalError(f"{path} is no JSON in UTF-8: {error}") from error
    if not isinstance(rows, list):
        raise TerminalError(f"{path} is no list of feedbacks: export it in Open WebUI as JSON, not as CSV")
    yield from rows


def _part(row: Any, name: str, where: str) -> dict[str, Any]:
    found = row.get(name) if isinstance(row, dict) else None
    if not isinstance(found, dict):
        raise TerminalError(f"{where}: `{name}` is missing, so this is no feedback of Open WebUI")
    return found


def _message(row: dict[str, Any], meta: dict[str, Any]) -> dict[str, Any]:
    """The rated message in the snapshot of the chat; {} where the export has none."""
    found: Any = row
    for name in ("snapshot", "chat", "chat", "history", "messages", str(meta.get("message_id"))):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
