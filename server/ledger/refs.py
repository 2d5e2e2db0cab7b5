"""The two movable names, `stable` and `canary`. `move_ref` is the only code that changes what is served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import insert, select, update

from server.ledger import audit, schema, versions
from server.ledger.errors import RefMoved, UnknownVersion
from server.ledger.types import Tx
from server.types import BASE_VERSION, Refs

RefName = Literal["stable", "canary"]

_refs = schema.refs


def refs(tx: Tx) -> Refs:
    """What the two names stand for now."""
    found = {row.name: row.version for row in tx.db.execute(select(_refs))}
    return Refs(stable=found.get("stable") or BASE_VERSION, canary=found.get("canary"))


def move_ref(
    tx: Tx,
    ref: RefName,
    expected: str | None,
    new: str | None,
    actor: str,
    reason: str,
    evidence: Mapping[str, Any] | None = None,
) -> Refs:
    """Move a ref from `expected` to `new`, with its audit row, and return both refs.

    Raises RefMoved when it does not name `expected`, UnknownVersion when `new` does not exist, or is None for
    `stable`, which always names a version (v0 is the base), ErasedVersion. Load a version before naming it.
    """
    if ref not in ("stable", "canary") or (ref == "stable" and new is None):
        raise UnknownVersion(f"A ref {ref!r} cannot name {new!r}.")
    before = getattr(refs(tx), ref)
    if before != expected:
        raise RefMoved(f"{ref} names {before}, not {expected}: it was moved meanwhile. Read the refs again.")
    if new is not None and new != BASE_VERSION:
        versions.servable(tx, new)
    values = {"version": new, "moved_at": tx.now}
    if tx.db.execute(update(_refs).where(_refs.c.name == ref).values(values)).rowcount == 0:
        tx.db.execute(insert(_refs).values(name=ref, **values))
    audit.record(tx, actor, "move_ref", ref, before, new, reason, evidence)
    audit.emit(tx, "ref", ref, f"{ref}: {before} → {new}: {reason}"[:200], {"from": before, "to": new})
    return refs(tx)


def previous_stable(tx: Tx) -> str | None:
    """The version that a rollback returns to; None when stable never was another.

    Replays the moves: going back to an earlier version drops those after it, so two rollbacks in a row go two
    versions back and never forth again. Versions that were erased meanwhile are passed over.
    """
    line = [BASE_VERSION]
    moves = select(schema.audit.c.after).where(
        schema.audit.c.action == "move_ref", schema.audit.c.subject == "stable"
    )
    for name in tx.db.execute(moves.order_by(schema.audit.c.id)).scalars():
        assert name is not None
        line = line[: line.index(name)] if name in line else line
        line.append(name)
    erased = versions.erased_versions(tx)
    return next((name for name in reversed(line[:-1]) if name not in erased), None)
