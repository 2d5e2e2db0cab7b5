"""A canary's life as rows. One runs at a time; starting or ending it moves the refs in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Row, func, insert, select, update

from server.ledger import audit, schema
from server.ledger import evidence as counts
from server.ledger.errors import NoRollout, RefMoved, RolloutRunning
from server.ledger.refs import move_ref, refs
from server.ledger.types import Tx
from server.types import Rollout, RolloutState

_rollouts = schema.rollouts
LIVE: tuple[RolloutState, ...] = ("shadow", "canary", "bake", "held")


def rollout(tx: Tx) -> Rollout | None:
    """The rollout that is running (LIVE), None when none is."""
    row = tx.db.execute(select(_rollouts).where(_rollouts.c.state.in_(LIVE))).first()
    return _rollout(row) if row else None


def rollouts(tx: Tx, limit: int = 20) -> list[Rollout]:
    """The last rollouts, running or ended, newest first."""
    rows = tx.db.execute(
        select(_rollouts).order_by(_rollouts.c.started_at.desc(), _rollouts.c.id).limit(limit)
    )
    return [_rollout(row) for row in rows]


def rollouts_by_state(tx: Tx) -> dict[RolloutState, int]:
    """How many rollouts there were, ever, by the state that they are in or ended in."""
    counted = select(_rollouts.c.state, func.count().label("rollouts")).group_by(_rollouts.c.state)
    return {row.state: row.rollouts for row in tx.db.execute(counted)}


def ends_without_verdict(tx: Tx, version: str) -> list[float]:
    """When the rollouts of a version ended that were reverted, in seconds since the epoch, oldest first."""
    mine = (_rollouts.c.version == version, _rollouts.c.state == "reverted")
    return list(
        tx.db.execute(select(_rollouts.c.ended_at).where(*mine).order_by(_rollouts.c.ended_at)).scalars()
    )


def start_rollout(
    tx: Tx, new: Rollout, actor: str, reason: str, evidence: Mapping[str, Any] | None = None
) -> Rollout:
    """Record a rollout and make its version the canary, unless it is already.

    Raises RolloutRunning while another runs, RefMoved when another canary is named, UnknownVersion.
    """
    running = rollout(tx)
    if running is not None:
        raise RolloutRunning(f"{running.version} is being shown (rollout {running.id}); end it first.")
    if refs(tx).canary != new.version:
        move_ref(tx, "canary", None, new.version, actor, reason, evidence)
    tx.db.execute(
        insert(_rollouts).values(
            id=new.id,
            version=new.version,
            salt=new.salt,
            weight=new.weight,
            state=new.state,
            started_at=new.started_at,
            reason=reason,
            step_at=new.step_at or new.started_at,
            coin=new.coin,
        )
    )
    counts.begin(tx, new.id)
    audit.record(tx, actor, "start_rollout", new.id, None, new.version, reason, evidence)
    audit.emit(tx, "rollout", new.id, f"{new.version} is shown to {new.weight:.0%} of users")
    return _running(tx, new.id)


def update_rollout(
    tx: Tx,
    rollout_id: str,
    weight: float | None,
    state: RolloutState | None,
    actor: str,
    reason: str,
    evidence: Mapping[str, Any] | None = None,
) -> Rollout:
    """Change the share of users, or the state (None leaves as it is): the next step, held, shown again.

    A held rollout remembers what it goes on as, and its step begins anew. Raises NoRollout, and RefMoved when
    the weight would fall.
    """
    before = _running(tx, rollout_id)
    if state is not None and state not in LIVE:
        raise NoRollout(f"A rollout becomes {state} by ending it.")
    if weight is not None and weight < before.weight:
        raise RefMoved(f"{before.version} is shown to {before.weight:.0%} of users: a weight only rises.")
    changed = {
        "weight": before.weight if weight is None else weight,
        "state": state or before.state,
        "reason": reason,
        "step_at": tx.now,
        "resumes": before.resumes if before.state == "held" else before.state,
    }
    tx.db.execute(update(_rollouts).where(_rollouts.c.id == rollout_id).values(changed))
    after = _running(tx, rollout_id)
    told = f"{before.state} {before.weight:g}", f"{after.state} {after.weight:g}"
    audit.record(tx, actor, "update_rollout", rollout_id, *told, reason, evidence)
    audit.emit(tx, "rollout", rollout_id, f"{told[0]} → {told[1]}: {reason}"[:200])
    return after


def end_rollout(
    tx: Tx,
    rollout_id: str,
    state: Literal["promoted", "aborted", "reverted"],
    actor: str,
    reason: str,
    evidence: Mapping[str, Any] | None = None,
) -> Rollout:
    """End the running rollout and move the refs with it: promoted, the canary becomes stable; else it goes.

    Refs that are there already are left alone. Raises NoRollout.
    """
    ended = _running(tx, rollout_id)
    if state not in ("promoted", "aborted", "reverted"):
        raise NoRollout(f"A rollout ends as promoted, aborted or reverted, not {state}.")
    now = refs(tx)
    if state == "promoted" and now.stable != ended.version:
        move_ref(tx, "stable", now.stable, ended.version, actor, reason, evidence)
    if now.canary == ended.version:
        move_ref(tx, "canary", ended.version, None, actor, reason, evidence)
    tx.db.execute(
        update(_rollouts)
        .where(_rollouts.c.id == rollout_id)
        .values(state=state, reason=reason, ended_at=tx.now)
    )
    counts.end(tx, rollout_id)
    audit.record(tx, actor, "end_rollout", rollout_id, ended.state, state, reason, evidence)
    audit.emit(tx, "rollout", rollout_id, f"{ended.version} was {state}: {reason}"[:200])
    row = tx.db.execute(select(_rollouts).where(_rollouts.c.id == rollout_id)).one()
    return _rollout(row)


def _running(tx: Tx, rollout_id: str) -> Rollout:
    found = rollout(tx)
    if found is None or found.id != rollout_id:
        raise NoRollout(f"Rollout {rollout_id} is not running.")
    return found


def _rollout(row: Row[Any]) -> Rollout:
    return Rollout(
        row.id, row.version, row.salt, row.weight, row.state, row.started_at, row.reason, row.step_at,
        row.coin, row.resumes,
    )  # fmt: skip
