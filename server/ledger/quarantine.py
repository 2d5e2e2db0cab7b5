"""Quarantine as a queue with a time limit: since when an edit waits, when it is denied, what judged it last.

When it is judged again is decided elsewhere (server.editor.again); here is what that needs to know, and the
one place where the new verdict is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, exists, func, select, update

from server.ledger import audit, schema, values
from server.ledger import edits as edit_rows
from server.ledger.errors import UnknownEdit
from server.ledger.reviews import EXPIRED, SINCE, SPOT, since
from server.ledger.types import ToldFact, Tx, Waiting
from server.types import EditState, SelfEdit

ACTOR = "guardian"
JUDGED_AGAIN = "judged_again"
_LOOKED_TO = "judged_again_to"
_WAITS = (EditState.QUARANTINED, EditState.MEMORY_ONLY)
_edits = schema.edits
_verdicts = schema.verdicts
_values = schema.key_values


def note_quarantine(tx: Tx) -> int:
    """Write down since when each waiting edit waits, and forget it of those that wait no more.

    The time runs from the first call that finds it waiting. Returns how many rows changed.
    """
    waiting = select(_edits.c.id).where(_edits.c.state == EditState.QUARANTINED)
    known = since(tx)
    now = set(tx.db.execute(waiting).scalars())
    for edit_id in now - known.keys():
        values.put(tx, SINCE + edit_id, tx.now)
    for edit_id in known.keys() - now:
        values.remove(tx, SINCE + edit_id)
    return len(now ^ known.keys()) + _forget_lost_spot_checks(tx)


def expire(tx: Tx, days: float, limit: int = 100) -> list[str]:
    """Deny what has waited longer than so many days; returns the edits' ids."""
    waited = sorted(since(tx).items(), key=lambda item: item[1])
    late = [edit_id for edit_id, at in waited if at < tx.now - days * 86_400.0][:limit]
    done: list[str] = []
    for edit_id in late:
        values.remove(tx, SINCE + edit_id)
        try:
            found = edit_rows.edit(tx, edit_id)
        except UnknownEdit:
            continue
        if found.state is not EditState.QUARANTINED:
            continue
        reason = f"expired: nobody looked at it for {days:g} days"
        edit_rows.set_edit_state(tx, edit_id, EditState.BLOCKED, reason)
        audit.record(
            tx, ACTOR, EXPIRED, edit_id, found.state, EditState.BLOCKED, reason, {"was": found.reason}
        )
        done.append(edit_id)
    return done


def judged_long_ago(tx: Tx) -> list[Waiting]:
    """Edits that wait or are in memory only, those judged longest ago first."""
    said = _verdicts.c.verdict
    rows = tx.db.execute(
        select(
            _edits.c.id,
            _edits.c.state,
            _edits.c.reason,
            _edits.c.subject,
            _edits.c.statement,
            _verdicts.c.judged_at,
            func.coalesce(said["policy"].as_string(), "").label("policy"),
            func.coalesce(said["guardian"].as_string(), "").label("guardian"),
        )
        .join(_verdicts, (_verdicts.c.edit_id == _edits.c.id) & (_verdicts.c.position == 0))
        .where(_edits.c.state.in_(_WAITS))
        .order_by(_verdicts.c.judged_at, _edits.c.id)
    )
    return [Waiting(**{**row._mapping, "state": EditState(row.state)}) for row in rows]


def newest_news(tx: Tx) -> tuple[float, int]:
    """Grows whenever something is told, approved or otherwise changed: ids and times only rise."""
    told = tx.db.execute(select(func.max(_edits.c.created_at))).scalar() or 0.0
    return told, tx.db.execute(select(func.max(schema.audit.c.id))).scalar() or 0


def judged_again(
    tx: Tx, before: SelfEdit, after: SelfEdit, verdicts: Sequence[Mapping[str, Any]]
) -> SelfEdit | None:
    """Store a new verdict on an edit, audited when its state changes; None when somebody moved it meanwhile.

    Where it goes on waiting without some of its examples, these are kept for the next time.
    """
    try:
        now = edit_rows.edit(tx, before.id)
    except UnknownEdit:
        return None
    if (now.state, now.reason, now.examples) != (before.state, before.reason, before.examples):
        return None
    if after.state is before.state and len(after.examples) < len(before.examples):
        _touch(tx, before.id, verdicts)
        edit_rows.move(tx, [before.id], after.state, after.reason)
    else:
        edit_rows.rewrite_edit(tx, before.id, after.examples, verdicts, after.state, after.reason, "")
    if after.state is not before.state:
        reason = after.reason or "judged again: nothing to object any more"
        evidence = {"was": before.reason, "policy": verdicts[0].get("policy") if verdicts else None}
        audit.record(tx, ACTOR, JUDGED_AGAIN, before.id, before.state, after.state, reason, evidence)
    return edit_rows.edit(tx, before.id)


def note_policy(tx: Tx, version: str, guardian: str, file: str) -> bool:
    """Write down under which policy the server starts; an audit row when it is another than the last time."""
    last = values.value(tx, "policy")
    if last == version:
        return False
    values.put(tx, "policy", version)
    reason = f"started under the policy file {file}" if file else "started without a policy file"
    audit.record(tx, "server", "policy", "guardian", last, version, reason, {"guardian": guardian})
    return True


def looked_to(tx: Tx) -> float:
    """Up to when everything that was told has been weighed, in seconds since the epoch; 0 at first."""
    return float(values.value(tx, _LOOKED_TO) or 0.0)


def set_looked_to(tx: Tx, moment: float) -> None:
    """All that bears on waiting edits and was told up to a moment has been weighed."""
    values.put(tx, _LOOKED_TO, moment)


def told_since(tx: Tx, moment: float) -> list[ToldFact]:
    """Facts that were stated after a moment and not blocked, and facts that a person approved after it."""
    fact = (_edits.c.subject, _edits.c.statement)
    stated = (
        select(*fact, _edits.c.created_at, schema.turns.c.operator)
        .join(schema.turns, schema.turns.c.id == _edits.c.turn_id)
        .where(_edits.c.kind == "fact", _edits.c.state != EditState.BLOCKED, _edits.c.created_at > moment)
    )
    approved = (
        select(*fact, schema.audit.c.at)
        .join(schema.audit, schema.audit.c.subject == _edits.c.id)
        .where(audit.APPROVED, schema.audit.c.at > moment)
    )
    told = [ToldFact(r.subject, r.statement, r.created_at, r.operator) for r in tx.db.execute(stated)]
    return told + [ToldFact(r.subject, r.statement, r.at, True) for r in tx.db.execute(approved)]


def _touch(tx: Tx, edit_id: str, verdicts: Sequence[Mapping[str, Any]]) -> None:
    """The statement's new verdict in the place of the old one; the other examples keep theirs."""
    mine = (_verdicts.c.edit_id == edit_id) & (_verdicts.c.position == 0)
    said: dict[str, Any] = {"verdict": dict(verdicts[0])} if verdicts else {}
    tx.db.execute(update(_verdicts).where(mine).values(judged_at=tx.now, **said))


def _forget_lost_spot_checks(tx: Tx) -> int:
    """Spot checks of edits that were erased."""
    theirs = exists().where(_edits.c.id == func.substr(_values.c.key, len(SPOT) + 1))
    lost = values.under(SPOT) & ~theirs
    return tx.db.execute(delete(_values).where(lost)).rowcount
