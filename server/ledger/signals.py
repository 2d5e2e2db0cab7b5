"""Implicit feedback as rows: derived from the turns, each turn looked at once, by a high-water mark.

The mark is the row number up to which turns were looked at; rows are numbered as they are committed, so an
answer that took long is not passed over. A signal counts for the turn that gave the answer, and so for its
version and arm. Signals are counted in units: a user or a conversation counts once, however often it shows
something. Nothing here moves a version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, exists, func, insert, literal_column, or_, select

from server.ledger import audit, schema, turns, values
from server.ledger import edits as edit_rows
from server.ledger.shown import shown
from server.ledger.types import Signal, Tx, Units
from server.types import Arm, Turn

_MARK = "signals_to"
HIDDEN = "hidden turn of a front-end"
"""How the reason of a turn begins that a front-end made by itself: for a title, for tags."""
_LOOK_BACK = 8
"""Turns of a conversation among which the user's last one is looked for."""
_turns = schema.turns
_signals = schema.signals
_feedback = schema.feedback
_NUMBER: ColumnElement[int] = literal_column("turns.rowid")
_earlier = _turns.alias("earlier")
_UNSEEN = (
    select(
        _turns.c.id,
        _NUMBER.label("number"),
        exists()
        .where(
            _earlier.c.conversation == _turns.c.conversation,
            _earlier.c.created_at <= _turns.c.created_at,
            _earlier.c.user_id == _turns.c.user_id,
            _earlier.c.id != _turns.c.id,
        )
        .label("follows"),
    )
    .where(bindparam("mark") < _NUMBER)
    .order_by(_NUMBER)
    .limit(bindparam("most"))
)
"""Turns that nobody looked at yet, and whether they follow another: most begin a conversation."""


def signals_due(tx: Tx) -> bool:
    """Whether there are turns that nobody looked at yet."""
    mark = values.value(tx, _MARK)
    return mark is None or _last(tx) > mark


def derive_signals(tx: Tx, limit: int = 200) -> tuple[int, dict[str, int]]:
    """Look at most so many turns further; how many were looked at, and the signals that gave, by kind.

    The first call begins with what happens from then on.
    """
    mark = values.value(tx, _MARK)
    if mark is None:
        values.put(tx, _MARK, _last(tx))
        return 0, {}
    rows = tx.db.execute(_UNSEEN, {"mark": mark, "most": limit}).all()
    following = [row.id for row in rows if row.follows]
    found = Counter(kind for turn_id in following for kind in _derive(tx, turns.turn(tx, turn_id)))
    if rows:
        values.put(tx, _MARK, rows[-1].number)
    return len(rows), dict(found)


def signals(tx: Tx, version: str, limit: int = 10_000) -> list[Signal]:
    """What was shown of a version's answers, newest first."""
    rows = tx.db.execute(
        select(
            _signals.c.turn_id,
            _signals.c.kind,
            _signals.c.at,
            _turns.c.user_id.label("user"),
            _turns.c.conversation,
            _turns.c.version,
            _turns.c.arm,
            _turns.c.rollout,
        )
        .join(_turns, _turns.c.id == _signals.c.turn_id)
        .where(_turns.c.version == version)
        .order_by(_signals.c.at.desc(), _signals.c.turn_id, _signals.c.kind)
        .limit(limit)
    )
    return [Signal(**{**row._mapping, "arm": Arm(row.arm)}) for row in rows]


def signal_units(tx: Tx, version: str, rollout: str | None = None) -> dict[str, dict[Arm, Units]]:
    """Of a version, in one rollout where it is named: kind → arm → turns, users and conversations.

    `answers` are all answers of the version, `objected` those that somebody objected to by feedback; the
    other kinds are those of `Shown`.
    """
    mine = _turns.c.version == version
    if rollout is not None:
        mine &= _turns.c.rollout == rollout
    kinds: dict[str, dict[Arm, Units]] = {}
    counted = [
        (select(literal_column("'answers'").label("kind"), *_UNITS).select_from(_turns), None),
        (
            select(literal_column("'objected'").label("kind"), *_UNITS)
            .select_from(_feedback.join(_turns, _turns.c.id == _feedback.c.turn_id))
            .where(_feedback.c.negative),
            None,
        ),
        (
            select(_signals.c.kind, *_UNITS).select_from(
                _signals.join(_turns, _turns.c.id == _signals.c.turn_id)
            ),
            _signals.c.kind,
        ),
    ]
    for query, by in counted:
        groups = [_turns.c.arm] if by is None else [by, _turns.c.arm]
        for row in tx.db.execute(query.where(mine).group_by(*groups)):
            kinds.setdefault(row.kind, {})[Arm(row.arm)] = Units(row.turns, row.users, row.conversations)
    return kinds


_UNITS = (
    _turns.c.arm,
    func.count(_turns.c.id.distinct()).label("turns"),
    func.count(_turns.c.user_id.distinct()).label("users"),
    func.count((_turns.c.user_id + ":" + _turns.c.conversation).distinct()).label("conversations"),
)


def forget_signals(tx: Tx, turn_ids: Iterable[str]) -> None:
    """Delete what is about these turns, or was shown by them: before the turns themselves."""
    for some in edit_rows.chunks(turn_ids):
        about = or_(_signals.c.turn_id.in_(some), _signals.c.shown_by.in_(some))
        tx.db.execute(delete(_signals).where(about))


def lower_mark(tx: Tx) -> None:
    """After turns were deleted: their row numbers may be given out again, and must be looked at then."""
    mark = values.value(tx, _MARK)
    if mark is not None and mark > (last := _last(tx)):
        values.put(tx, _MARK, last)


def _derive(tx: Tx, turn: Turn) -> list[str]:
    """Store what one turn shows of the one before it; the kinds that are new."""
    before = None if turn.reason.startswith(HIDDEN) else _before(tx, turn)
    kinds = shown(before, turn) if before is not None else None
    if before is None or not kinds:
        return []
    known = tx.db.execute(select(_signals.c.kind).where(_signals.c.turn_id == before.id)).scalars()
    new = sorted(kind.value for kind in kinds - set(known))
    for kind in new:
        row: dict[str, Any] = {"turn_id": before.id, "kind": kind, "at": tx.now, "shown_by": turn.id}
        tx.db.execute(insert(_signals).values(row))
        told = {"version": before.version, "arm": before.arm, "shown_by": turn.id}
        audit.emit(tx, "signal", before.id, f"the answer was {kind}", told)
    return new


def _before(tx: Tx, turn: Turn) -> Turn | None:
    """The turn before in the same user's conversation."""
    rows = tx.db.execute(
        select(_turns.c.id, _turns.c.user_id)
        .where(_turns.c.conversation == turn.conversation, _turns.c.created_at <= turn.created_at)
        .where(_turns.c.id != turn.id, _turns.c.reason.not_like(f"{HIDDEN}%"))
        .order_by(_turns.c.created_at.desc())
        .limit(_LOOK_BACK)
    )
    found = next((row.id for row in rows if row.user_id == turn.user), None)
    return turns.turn(tx, found) if found else None


def _last(tx: Tx) -> int:
    return tx.db.execute(select(func.max(_NUMBER)).select_from(_turns)).scalar() or 0
