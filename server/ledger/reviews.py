"""What people look at: edits that wait for them, who has agreed so far, and spot checks of what was allowed.

An edit that needs two persons keeps its state after the first: the approval is an audit row, which counts for
the examples that it was given for and until somebody moves the edit. A spot check holds nothing up.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from server.ledger import audit, schema, values
from server.ledger import edits as edit_rows
from server.ledger.errors import BadTransition
from server.ledger.types import AuditRow, ReviewCounts, Tx
from server.types import EditKind, EditState, SelfEdit

EXPIRED = "expire"
"""What the audit calls a denial by time."""
SINCE = "quarantined_since:"
SPOT = "spot_check:"
"""Key of a spot check among the key-values, before the edit's id."""
FIRST = "first_approval"
_CHECKED_TO = "spot_checked_to"
_MAY_TRAIN = (EditState.ALLOWED, EditState.CLAIMED, EditState.TRAINED)
_edits = schema.edits
_audit = schema.audit
_values = schema.key_values


def find_reviews(
    tx: Tx,
    state: EditState | None = EditState.QUARANTINED,
    reason: str = "",
    kind: EditKind | None = None,
    after: str = "",
    limit: int = 100,
) -> tuple[list[SelfEdit], int]:
    """Edits in a state (None: open spot checks), oldest first, and how many there are on all pages.

    `reason` is a part of the edit's reason, such as a check's name; `after` the last id of the page before.
    Raises UnknownEdit when `after` is none.
    """
    wanted: list[ColumnElement[bool]] = []
    wanted.append(_edits.c.id.in_(_open_spot_checks()) if state is None else _edits.c.state == state)
    if reason:
        wanted.append(_edits.c.reason.icontains(reason, autoescape=True))
    if kind is not None:
        wanted.append(_edits.c.kind == kind)
    total = tx.db.execute(select(func.count()).select_from(_edits).where(*wanted)).scalar_one()
    if after:
        edit_rows.edit(tx, after)
        place = tuple_(_edits.c.created_at, _edits.c.turn_id, _edits.c.position)
        last = tx.db.execute(
            select(_edits.c.created_at, _edits.c.turn_id, _edits.c.position).where(_edits.c.id == after)
        ).one()
        wanted.append(place > tuple_(*last))
    rows = edit_rows.oldest_first(select(_edits).where(*wanted)).limit(limit)
    return edit_rows.load(tx, rows), total


def review_counts(tx: Tx) -> ReviewCounts:
    """How many wait and since when, how many were denied by time, how many spot checks are open."""
    waiting = (
        tx.db.execute(select(_edits.c.id).where(_edits.c.state == EditState.QUARANTINED)).scalars().all()
    )
    known = since(tx)
    expired = select(func.count()).select_from(_audit).where(_audit.c.action == EXPIRED)
    return ReviewCounts(
        len(waiting),
        min((known[edit_id] for edit_id in waiting if edit_id in known), default=None),
        tx.db.execute(expired).scalar_one(),
        len(open_spot_checks(tx)),
    )


def since(tx: Tx) -> dict[str, float]:
    """When each waiting edit began to wait, in seconds since the epoch."""
    rows = tx.db.execute(select(_values.c.key, _values.c.value).where(values.under(SINCE)))
    return {row.key.removeprefix(SINCE): float(row.value) for row in rows}


def approvals(tx: Tx, edit_id: str) -> list[AuditRow]:
    """Who has agreed to an edit as it stands, oldest first, while a second person is missing."""
    moved = select(func.max(_audit.c.id)).where(_audit.c.subject == edit_id, _audit.c.action == "edit")
    last_move = tx.db.execute(moved).scalar() or 0
    rows = tx.db.execute(
        select(*audit.COLUMNS)
        .where(_audit.c.subject == edit_id, _audit.c.action == FIRST, _audit.c.id > last_move)
        .order_by(_audit.c.id)
    )
    wanted = {"examples": digest(edit_rows.edit(tx, edit_id))}
    return [AuditRow(**row._mapping) for row in rows if row.evidence == wanted]


def approve_first(tx: Tx, edit_id: str, actor: str, reason: str) -> None:
    """Write down that one of two persons agrees. Raises UnknownEdit, BadTransition when it does not wait."""
    found = edit_rows.edit(tx, edit_id)
    if found.state is not EditState.QUARANTINED:
        raise BadTransition(f"Edit {edit_id[:12]} does not wait for a review; it is {found.state}.")
    evidence = {"examples": digest(found)}
    audit.record(tx, actor, FIRST, edit_id, found.state, found.state, reason, evidence)
    audit.emit(tx, "edit", edit_id, f"approved by {actor}; waits for a second person")


def mark_spot_checks(tx: Tx, share: float, limit: int = 1000) -> int:
    """Open spot checks of what was allowed since the last call; returns how many."""
    seen = float(values.value(tx, _CHECKED_TO) or 0.0)
    rows = tx.db.execute(
        select(_edits.c.id, _edits.c.created_at)
        .where(_edits.c.state.in_(_MAY_TRAIN), _edits.c.created_at >= seen)
        .order_by(_edits.c.created_at)
        .limit(limit)
    ).all()
    if rows:
        values.put(tx, _CHECKED_TO, rows[-1].created_at)
    return spot_check(tx, (row.id for row in rows), share)


def spot_check(tx: Tx, edit_ids: Iterable[str], share: float) -> int:
    """Open a spot check of those of these edits that the share falls on; returns how many."""
    opened = 0
    for edit_id in edit_ids:
        if drawn(edit_id, share) and values.value(tx, SPOT + edit_id) is None:
            values.put(tx, SPOT + edit_id, {"state": "open", "at": tx.now})
            opened += 1
    return opened


def drawn(edit_id: str, share: float) -> bool:
    """Whether the share falls on an edit: by its id alone, so always the same answer."""
    return int(hashlib.sha256(f"spot check {edit_id}".encode()).hexdigest()[:8], 16) < share * 2**32


def open_spot_checks(tx: Tx) -> list[str]:
    """Ids of the edits whose spot check nobody has settled, and that may be trained."""
    return list(tx.db.execute(_open_spot_checks()).scalars())


def spot_check_is_open(tx: Tx, edit_id: str) -> bool:
    """Whether a person is still to look at an allowed edit."""
    found = values.value(tx, SPOT + edit_id)
    return bool(found) and found["state"] == "open" and edit_rows.edit(tx, edit_id).state in _MAY_TRAIN


def _open_spot_checks() -> Select[Any]:
    return (
        select(_edits.c.id)
        .join(_values, _edits.c.id == func.substr(_values.c.key, len(SPOT) + 1))
        .where(
            values.under(SPOT),
            _values.c.value["state"].as_string() == "open",
            _edits.c.state.in_(_MAY_TRAIN),
        )
    )


def settle_spot_check(tx: Tx, edit_id: str, approved: bool, actor: str, reason: str) -> SelfEdit:
    """Write down what a person said of an allowed edit. Denied, it is never trained, nor trained again.

    A served delta that carries it already is another matter: see `deltas_of_edit`. Raises UnknownEdit, and
    BadTransition when no spot check of it is open.
    """
    if not spot_check_is_open(tx, edit_id):
        raise BadTransition(f"No spot check of edit {edit_id[:12]} is open.")
    before = edit_rows.edit(tx, edit_id)
    said = "approved" if approved else "denied"
    values.put(tx, SPOT + edit_id, {"state": said, "at": tx.now})
    audit.record(tx, actor, "spot_check", edit_id, before.state, said, reason)
    if approved:
        return before
    why = f"denied by {actor} in a spot check: {reason}"
    return edit_rows.set_edit_state(tx, edit_id, EditState.BLOCKED, why, actor)


def deltas_of_edit(tx: Tx, edit_id: str) -> tuple[str, ...]:
    """The deltas that were trained on an edit and are not erased, oldest first."""
    rows = tx.db.execute(
        select(schema.deltas.c.id)
        .join(schema.delta_edits, schema.delta_edits.c.delta_id == schema.deltas.c.id)
        .where(schema.delta_edits.c.edit_id == edit_id, schema.deltas.c.erased_at.is_(None))
        .order_by(schema.deltas.c.created_at, schema.deltas.c.id)
    )
    return tuple(rows.scalars())


def digest(edit: SelfEdit) -> str:
    """What was agreed to: an approval of other examples is none of these."""
    said: Any = [asdict(example) for example in edit.examples]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
