"""Audit rows (kept, chained) and events (forgotten after a while), in the transaction of what they tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row, and_, delete, func, insert, select, update

from server.ledger import audit_check, chain, schema
from server.ledger.types import AuditRow, Event, Tx
from server.types import EditState

KEEP_EVENTS = 10_000
APPROVED = and_(
    schema.audit.c.action == "edit",
    schema.audit.c.before == EditState.QUARANTINED,
    schema.audit.c.after == EditState.ALLOWED,
)
"""A row that says that a person let an edit out of quarantine: what makes its fact verified."""
_HIDDEN = ("salt", "sealed")
COLUMNS = tuple(column for column in schema.audit.c if column.name not in _HIDDEN)
"""Those of AuditRow."""
_INSERT_EVENT = insert(schema.events)


def record(
    tx: Tx,
    actor: str,
    action: str,
    subject: str,
    before: str | None,
    after: str | None,
    reason: str,
    evidence: Mapping[str, Any] | None = None,
) -> None:
    """Write down who changed what, when, why and on what evidence (JSON values), as the chain's next row."""
    end = audit_check.head(tx)
    row: dict[str, Any] = chain.plain(
        {
            "id": end.position + 1,
            "at": tx.now,
            "actor": actor,
            "action": action,
            "subject": subject,
            "before": before,
            "after": after,
            "reason": reason,
            "evidence": dict(evidence or {}),
            "salt": chain.new_salt(),
        }
    )
    row["sealed"] = chain.seal(row["salt"], row["reason"], row["evidence"])
    row["hash"] = chain.link(row, end.hash)
    tx.db.execute(insert(schema.audit).values(row))
    audit_check.set_head(tx, end.position + 1, row["hash"])


def cut(tx: Tx, rows: Iterable[tuple[int, str, Mapping[str, Any]]]) -> dict[str, str]:
    """Put other words (reason, evidence) in the place of those of rows, erasing them with their salts.

    The chain holds, but a cut is an alteration until a row says so: what is returned belongs into the
    evidence of a row of the same transaction, under `chain.CUT`.
    """
    seals: dict[str, str] = {}
    for row_id, reason, evidence in rows:
        salt, told = chain.new_salt(), chain.plain(dict(evidence))
        changed = {"reason": reason, "evidence": told, "salt": salt}
        tx.db.execute(update(schema.audit).where(schema.audit.c.id == row_id).values(changed))
        seals[str(row_id)] = chain.seal(salt, reason, told)
    return seals


def audit(tx: Tx, limit: int = 100) -> list[AuditRow]:
    """The last changes, newest first."""
    rows = tx.db.execute(select(*COLUMNS).order_by(schema.audit.c.id.desc()).limit(limit))
    return [AuditRow(**row._mapping) for row in rows]


def emit(tx: Tx, kind: str, subject: str, text: str, data: Mapping[str, Any] | None = None) -> None:
    """Tell watchers that something happened, in words."""
    told = {"at": tx.now, "kind": kind, "subject": subject, "text": text, "data": dict(data or {})}
    tx.db.execute(_INSERT_EVENT, told)


def events_since(tx: Tx, after: int = 0, limit: int = 100) -> list[Event]:
    """Events with an id above `after`, oldest first."""
    rows = tx.db.execute(
        select(schema.events).where(schema.events.c.id > after).order_by(schema.events.c.id).limit(limit)
    )
    return [_event(row) for row in rows]


def events_of(tx: Tx, kind: str, subject: str) -> list[Event]:
    """What is still known to have happened to one subject, oldest first. Old events are forgotten."""
    mine = (schema.events.c.kind == kind) & (schema.events.c.subject == subject)
    rows = tx.db.execute(select(schema.events).where(mine).order_by(schema.events.c.id))
    return [_event(row) for row in rows]


def last_event_id(tx: Tx) -> int:
    """Where a watcher starts that wants only what happens from now on; 0 when nothing has happened."""
    return tx.db.execute(select(func.max(schema.events.c.id))).scalar() or 0


def first_event_id(tx: Tx) -> int | None:
    """The oldest event that is still there; None when there is none."""
    return tx.db.execute(select(func.min(schema.events.c.id))).scalar()


def forget_events(tx: Tx, keep: int = KEEP_EVENTS) -> int:
    """Delete all but the last `keep` events; returns how many went."""
    old = last_event_id(tx) - keep
    return tx.db.execute(delete(schema.events).where(schema.events.c.id <= old)).rowcount


def _event(row: Row[Any]) -> Event:
    return Event(**row._mapping)
