"""Turns and what users said of them. A turn to learn from and its 'edit' job are one transaction."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from typing import Any

from sqlalchemy import Row, bindparam, func, insert, select, update

from server.ledger import audit, jobs, schema
from server.ledger.errors import UnknownTurn
from server.ledger.grades import is_negative
from server.ledger.types import Feedback, Tx
from server.types import Arm, Message, Turn, TurnState

_turns = schema.turns
_feedback = schema.feedback

# made once: building statements costs more than running them, and every answer waits for these
_BY_ID = select(_turns).where(_turns.c.id == bindparam("id"))
_INSERT = insert(_turns)
_SAME_REQUEST = (
    select(_turns.c.id)
    .where(
        _turns.c.request_hash == bindparam("request_hash"),
        _turns.c.created_at >= bindparam("since"),
        _turns.c.state == TurnState.LEARNABLE,
    )
    .order_by(_turns.c.created_at)
    .limit(1)
)
_SPACE = " \t\r\n"


def add_turn(
    tx: Tx, turn: Turn, learn: bool, duplicates_since: float | None = None, nothing: str | None = None
) -> Turn:
    """Store a turn, with its 'edit' job when it shall be learned; returns it as stored.

    The same id again changes nothing. With `duplicates_since` (epoch seconds) a learnable turn whose
    request was answered since then is stored as not learned: two copies of a retry cannot both get past.
    `learn` is ignored for turns that are not LEARNABLE. `nothing` says why a turn states no fact, where that
    is known already: its job is then stored as done, and no editor looks at it.
    """
    known = tx.db.execute(_BY_ID, {"id": turn.id}).first()
    if known is not None:
        return from_row(known)
    if duplicates_since is not None and turn.state is TurnState.LEARNABLE:
        first = duplicate_of(tx, turn.request_hash, duplicates_since)
        if first is not None:
            turn = dataclasses.replace(
                turn, state=TurnState.NOT_LEARNED, reason=f"a retried duplicate of {first}"
            )
    tx.db.execute(_INSERT, _row(turn))
    if learn and turn.state is TurnState.LEARNABLE:
        jobs.add_job(tx, "edit", {"turn_id": turn.id}, turn_id=turn.id, done=nothing)
    audit.emit(tx, "turn", turn.id, f"{turn.version} answered", {"arm": turn.arm, "state": turn.state})
    return turn


def turn(tx: Tx, turn_id: str) -> Turn:
    """A turn by its id. Raises UnknownTurn."""
    row = tx.db.execute(_BY_ID, {"id": turn_id}).first()
    if row is None:
        raise UnknownTurn(f"No turn {turn_id!r} is in the ledger.")
    return from_row(row)


def turns(tx: Tx, limit: int = 100) -> list[Turn]:
    """The last turns, newest first."""
    rows = tx.db.execute(select(_turns).order_by(_turns.c.created_at.desc(), _turns.c.id).limit(limit))
    return [from_row(row) for row in rows]


def duplicate_of(tx: Tx, request_hash: str, since: float) -> str | None:
    """Id of the first learnable turn with this request hash since then; None when there is none.

    '' is no hash: it matches nothing. Failed turns do not count, so a retry of one is learned.
    """
    if not request_hash:
        return None
    return tx.db.execute(_SAME_REQUEST, {"request_hash": request_hash, "since": since}).scalar()


def turn_in(tx: Tx, conversation: str, answer: str) -> Turn:
    """The last turn of a conversation that gave this answer, white space aside. Raises UnknownTurn."""
    rows = tx.db.execute(
        select(_turns)
        .where(_turns.c.conversation == conversation, func.trim(_turns.c.answer, _SPACE) == answer.strip())
        .order_by(_turns.c.created_at.desc())
        .limit(1)
    )
    row = rows.first()
    if row is None or not answer.strip():
        raise UnknownTurn(
            f"No turn of conversation {conversation[:80]!r} gave that answer. Conversations are known by the "
            "front-end's id when it sends one (docs/http.md)."
        )
    return from_row(row)


def add_feedback(
    tx: Tx,
    turn_id: str,
    metric_name: str,
    value: Any,
    comment: str = "",
    demonstration: str = "",
    user: str = "",
    learn: bool = False,
    key: str = "",
) -> str:
    """Store what a user said of an answer (`value`: any JSON value) and return its id. Raises UnknownTurn.

    With `learn` it is queued to become a preference, when it is the turn's own user's and the turn learnable.
    What comes again under a `key` takes the place of what they said of the turn under it before.
    """
    answered = turn(tx, turn_id)
    name = f"{turn_id} {user} {key}".encode("utf-8", "replace")
    feedback_id = f"fb-{hashlib.sha256(name).hexdigest()[:32] if key else uuid.uuid4().hex}"
    said = {
        "user_id": user or answered.user,
        "metric_name": metric_name,
        "value": value,
        "negative": is_negative(value),
        "comment": comment or "",
        "demonstration": demonstration or "",
    }
    payload = {"turn_id": turn_id, "feedback_id": feedback_id}
    known = tx.db.execute(select(_feedback).where(_feedback.c.id == feedback_id)).first() if key else None
    if known is None:
        tx.db.execute(insert(_feedback).values(id=feedback_id, turn_id=turn_id, at=tx.now, **said))
    elif said.items() <= dict(known._mapping).items():
        return feedback_id
    else:
        tx.db.execute(update(_feedback).where(_feedback.c.id == feedback_id).values(at=tx.now, **said))
        payload["again"] = str(tx.now)  # the same work is never queued twice, and this is other work
    if learn and answered.state is TurnState.LEARNABLE and said["user_id"] == answered.user:
        jobs.add_job(tx, "preference", payload, turn_id=turn_id)
    audit.emit(tx, "feedback", turn_id, f"{metric_name}: {value!r}"[:200], {"version": answered.version})
    return feedback_id


def feedback(tx: Tx, turn_id: str) -> list[Feedback]:
    """What was said of a turn, oldest first."""
    rows = tx.db.execute(
        select(_feedback).where(_feedback.c.turn_id == turn_id).order_by(_feedback.c.at, _feedback.c.id)
    )
    return [
        Feedback(
            id=row.id,
            turn_id=row.turn_id,
            at=row.at,
            metric_name=row.metric_name,
            value=row.value,
            comment=row.comment,
            demonstration=row.demonstration,
            user=row.user_id,
        )
        for row in rows
    ]


def _row(turn: Turn) -> dict[str, Any]:
    return {
        "id": turn.id,
        "created_at": turn.created_at,
        "user_id": turn.user,
        "key_name": turn.key_name,
        "operator": turn.operator,
        "conversation": turn.conversation,
        "messages": [[message.role, message.content] for message in turn.messages],
        "answer": turn.answer,
        "version": turn.version,
        "arm": turn.arm,
        "rollout": turn.rollout,
        "state": turn.state,
        "reason": turn.reason,
        "request_hash": turn.request_hash,
        "chance": turn.chance,
        "first_token_seconds": turn.first_token_seconds,
    }


def from_row(row: Row[Any]) -> Turn:
    """A row of the table as a turn."""
    return Turn(
        id=row.id,
        created_at=row.created_at,
        user=row.user_id,
        key_name=row.key_name,
        operator=row.operator,
        conversation=row.conversation,
        messages=tuple(Message(role, content) for role, content in row.messages),
        answer=row.answer,
        version=row.version,
        arm=Arm(row.arm),
        rollout=row.rollout,
        state=TurnState(row.state),
        reason=row.reason,
        request_hash=row.request_hash,
        chance=row.chance,
        first_token_seconds=row.first_token_seconds,
    )
