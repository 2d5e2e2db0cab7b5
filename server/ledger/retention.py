"""Erasing what taught nothing when its time is over.

A turn taught nothing when no self-edit of it waits, is trained, is kept in memory or was ever in a delta.
Bytes are overwritten in the database and leave its log with the next checkpoint. Not covered: backups, and
what other rows quote of it (forgetting a user looks for quotations, this does not).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import exists, or_, select

from server.ledger import audit, forgetting, rollouts, schema
from server.ledger.types import Tx
from server.types import EditState

ACTION = "retention"
_KEPT = (
    EditState.ALLOWED,
    EditState.QUARANTINED,
    EditState.MEMORY_ONLY,
    EditState.CLAIMED,
    EditState.TRAINED,
)
_turns = schema.turns
_edits = schema.edits


def erase_untaught(tx: Tx, days: float, limit: int = 200) -> dict[str, int]:
    """Erase turns and self-edits older than so many days that taught nothing; counts of what went, or {}.

    At most `limit` turns and as many lone self-edits at a time: call it again while it erases any.
    """
    turns = list(tx.db.execute(_untaught_turns(tx.now - days * 86_400.0).limit(limit)).scalars())
    edits = select(_edits.c.id).where(_edits.c.turn_id.in_(turns))
    lone = (
        select(_edits.c.id)
        .where(_edits.c.created_at < tx.now - days * 86_400.0, ~_taught())
        .order_by(_edits.c.created_at)
        .limit(limit)
    )
    gone = sorted({*tx.db.execute(edits).scalars(), *tx.db.execute(lone).scalars()})
    if not turns and not gone:
        return {}
    cut = forgetting.cut_about(tx, gone)
    counts = forgetting.delete_rows(tx, turns, gone)
    reason = f"older than {days:g} days and taught nothing"
    audit.record(tx, "policy", ACTION, "turns", None, None, reason, forgetting.with_cuts(counts, cut))
    return counts


def _untaught_turns(before: float) -> Any:
    """Ids of turns before a moment that taught nothing and that nothing is being done with, oldest first."""
    teaching = exists().where(_edits.c.turn_id == _turns.c.id, _taught())
    busy = exists().where(
        schema.jobs.c.turn_id == _turns.c.id, schema.jobs.c.state.in_(("queued", "running"))
    )
    live = select(schema.rollouts.c.id).where(schema.rollouts.c.state.in_(rollouts.LIVE))
    return (
        select(_turns.c.id)
        .where(
            _turns.c.created_at < before,
            ~teaching,
            ~busy,
            or_(_turns.c.rollout.is_(None), _turns.c.rollout.not_in(live)),
        )
        .order_by(_turns.c.created_at)
    )


def _taught() -> Any:
    carried = exists().where(schema.delta_edits.c.edit_id == _edits.c.id)
    return or_(_edits.c.state.in_(_KEPT), carried)
