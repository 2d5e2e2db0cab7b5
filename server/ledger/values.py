"""Small things that all processes must see: the learner's switch and status, and named leases."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from server.ledger import audit, schema
from server.ledger.key_values import put as put
from server.ledger.key_values import remove as remove
from server.ledger.key_values import under as under
from server.ledger.key_values import value as value
from server.ledger.types import Tx

RUN_REQUEST = "run_request"
_PAUSED = "paused"
_STATUS = "learner_status"
_INSTALLATION = "installation"
_POPULATION = "batch_population"
POPULATION_AT_MOST = 500

_leases = schema.leases


def set_paused(tx: Tx, paused: bool, actor: str = "", reason: str = "") -> None:
    """Stop or go on learning; the update that runs now is not touched."""
    before = is_paused(tx)
    put(tx, _PAUSED, paused)
    if actor:
        audit.record(tx, actor, "pause_learner", "learner", str(before), str(paused), reason)


def is_paused(tx: Tx) -> bool:
    """Whether an operator has paused learning."""
    return bool(value(tx, _PAUSED))


def set_learner_status(tx: Tx, status: dict[str, Any]) -> None:
    """What the learner is doing now, for people to see."""
    put(tx, _STATUS, status)


def installation(tx: Tx) -> str:
    """A random name that this ledger alone has, drawn when it is first asked for."""
    if (known := value(tx, _INSTALLATION)) is None:
        put(tx, _INSTALLATION, known := secrets.token_hex(16))
    return str(known)


def batch_population(tx: Tx) -> dict[str, list[float]]:
    """What was measured of facts before their training, newest last: `losses` and `pulls`."""
    return {"losses": [], "pulls": []} | (value(tx, _POPULATION) or {})


def add_batch_population(tx: Tx, measured: Mapping[str, Sequence[float]]) -> None:
    """Add what was measured of a batch; the oldest beyond POPULATION_AT_MOST are dropped."""
    known = batch_population(tx)
    grown = {name: [*values, *measured.get(name, ())][-POPULATION_AT_MOST:] for name, values in known.items()}
    put(tx, _POPULATION, grown)


def learner_status(tx: Tx) -> dict[str, Any]:
    """What the learner said last; {} when it never ran."""
    return value(tx, _STATUS) or {}


def acquire_lease(tx: Tx, name: str, owner: str, seconds: float) -> bool:
    """Get or renew a named lease; False while somebody else holds it.

    One that ends later than any could is of a clock that was set back since: it holds nobody up.
    """
    row = tx.db.execute(select(_leases).where(_leases.c.name == name).with_for_update()).first()
    held = {"owner": owner, "lease_until": tx.now + seconds}
    if row is None:
        tx.db.execute(insert(_leases).values(name=name, **held))
        return True
    left = row.lease_until - tx.now
    if row.owner != owner and 0 <= left <= seconds:
        return False
    if row.owner != owner or not seconds * 0.7 <= left <= seconds:  # a renewal need not sync every poll
        tx.db.execute(update(_leases).where(_leases.c.name == name).values(held))
    return True


def release_lease(tx: Tx, name: str, owner: str) -> None:
    """Let a lease go at once. Somebody else's is left alone."""
    tx.db.execute(delete(_leases).where(_leases.c.name == name, _leases.c.owner == owner))


def counts(tx: Tx) -> dict[str, dict[str, int]]:
    """Rows by state, for metrics: {"turns": {...}, "edits": {...}, "jobs": {...}, "updates": {...}}."""
    tables = {"turns": schema.turns, "edits": schema.edits, "jobs": schema.jobs, "updates": schema.updates}
    return {
        name: {
            row.state: row.rows
            for row in tx.db.execute(
                select(table.c.state, func.count().label("rows")).group_by(table.c.state)
            )
        }
        for name, table in tables.items()
    }
