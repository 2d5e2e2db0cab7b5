"""Versions and deltas: immutable rows. What is served is another matter (refs)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from server.ledger import audit, schema
from server.ledger import edits as edit_rows
from server.ledger.errors import ErasedVersion, UnknownDelta, UnknownVersion, VersionTaken
from server.ledger.types import DeltaRow, Tx
from server.types import BASE_VERSION, EditState, Refs, VersionRow

_versions = schema.versions
_version_deltas = schema.version_deltas
_deltas = schema.deltas
_delta_edits = schema.delta_edits


def versions(tx: Tx) -> list[VersionRow]:
    """All versions, oldest first; the base (v0) is not among them."""
    rows = tx.db.execute(select(_versions).order_by(_versions.c.number)).all()
    deltas: dict[str, list[str]] = defaultdict(list)
    for row in tx.db.execute(select(_version_deltas).order_by(_version_deltas.c.position)):
        deltas[row.version].append(row.delta_id)
    return [_version(row, deltas[row.name]) for row in rows]


def version(tx: Tx, name: str) -> VersionRow:
    """A version by its name. Raises UnknownVersion, also for the base, which has no row."""
    row = tx.db.execute(select(_versions).where(_versions.c.name == name)).first()
    if row is None:
        raise UnknownVersion(f"There is no version {name!r}; GET /v1/adapters lists those that exist.")
    deltas = tx.db.execute(
        select(_version_deltas.c.delta_id)
        .where(_version_deltas.c.version == name)
        .order_by(_version_deltas.c.position)
    )
    return _version(row, list(deltas.scalars()))


def servable(tx: Tx, name: str) -> VersionRow:
    """A version that may still be served. Raises UnknownVersion, ErasedVersion."""
    row = version(tx, name)
    if row.erased:
        raise ErasedVersion(
            f"{name} was erased: it held facts of a user who was forgotten. It cannot be served, rolled back "
            "to or proved again; GET /v1/adapters lists the versions that remain."
        )
    return row


def erased_versions(tx: Tx) -> frozenset[str]:
    """Names of the versions that can never be served again."""
    return frozenset(
        tx.db.execute(select(_versions.c.name).where(_versions.c.erased_at.is_not(None))).scalars()
    )


def amend_gate(tx: Tx, name: str, **said: object) -> None:
    """Add to what a version's report says. Raises UnknownVersion."""
    gate = version(tx, name).gate | said
    tx.db.execute(update(_versions).where(_versions.c.name == name).values(gate=gate))


def next_version_name(tx: Tx) -> str:
    """The name for a new version. Only recording it takes the name: see VersionTaken."""
    return f"v{(tx.db.execute(select(func.max(_versions.c.number))).scalar() or 0) + 1}"


def add_version(tx: Tx, row: VersionRow, actor: str = "", reason: str = "") -> None:
    """Record a version made of deltas that exist (a revocation), audited when an actor is given.

    Raises VersionTaken, UnknownDelta.
    """
    insert_version(tx, row, None, ())
    if actor:
        audit.record(tx, actor, "version", row.name, row.parent, row.name, reason)


def insert_version(tx: Tx, row: VersionRow, update_id: str | None, learned: Sequence[str]) -> None:
    """Insert a version, and its new delta with the edits it carries. New deltas need an update."""
    number = _number(row.name)
    if tx.db.execute(select(_versions.c.name).where(_versions.c.number == number)).first():
        raise VersionTaken(f"{row.name} exists already; the next name is {next_version_name(tx)}.")
    known = set(tx.db.execute(select(_deltas.c.id).where(_deltas.c.id.in_(row.deltas))).scalars())
    for delta_id in row.deltas:
        if delta_id in known:
            continue
        if update_id is None:
            raise UnknownDelta(
                f"No delta {delta_id[:12]} is in the ledger, so {row.name} cannot be made of it."
            )
        tx.db.execute(insert(_deltas).values(id=delta_id, created_at=tx.now, update_id=update_id))
        for edit_id in dict.fromkeys(learned):
            tx.db.execute(insert(_delta_edits).values(delta_id=delta_id, edit_id=edit_id))
    tx.db.execute(
        insert(_versions).values(
            name=row.name,
            number=number,
            digest=row.digest,
            parent=row.parent,
            created_at=row.created_at,
            gate=dict(row.gate),
        )
    )
    for position, delta_id in enumerate(row.deltas):
        tx.db.execute(insert(_version_deltas).values(version=row.name, position=position, delta_id=delta_id))
    audit.emit(tx, "version", row.name, f"{row.name} was recorded, {len(row.deltas)} deltas on the base")


def delta(tx: Tx, delta_id: str) -> DeltaRow:
    """A delta with the edits it carries. Raises UnknownDelta."""
    row = tx.db.execute(select(_deltas).where(_deltas.c.id == delta_id)).first()
    if row is None:
        raise UnknownDelta(f"No delta {delta_id[:80]!r} is in the ledger.")
    return DeltaRow(row.id, row.created_at, row.update_id, tuple(_edits_of(tx, [delta_id])))


def set_edits_of(
    tx: Tx, delta_ids: Collection[str], state: EditState, reason: str, actor: str = ""
) -> list[str]:
    """Move the trained edits of deltas that were taken back (REVOKED, QUARANTINED, …); returns their ids.

    Call it after the ref has moved: edits that the stable version carries in another delta are left alone.
    """
    stable = tx.db.execute(select(schema.refs.c.version).where(schema.refs.c.name == "stable")).scalar()
    served = select(_delta_edits.c.edit_id).join(
        _version_deltas, _version_deltas.c.delta_id == _delta_edits.c.delta_id
    )
    rows = tx.db.execute(
        select(schema.edits.c.id)
        .where(
            schema.edits.c.id.in_(_edits_of(tx, delta_ids)),
            schema.edits.c.state == EditState.TRAINED,
            schema.edits.c.id.not_in(served.where(_version_deltas.c.version == stable)),
        )
        .order_by(schema.edits.c.id)
    )
    moved = list(rows.scalars())
    edit_rows.move(tx, moved, state, reason)
    if actor and moved:
        audit.record(
            tx, actor, "edits", ",".join(sorted(delta_ids)), "trained", state, reason, {"edits": moved}
        )
    return moved


def quarantine_edits_of(tx: Tx, delta_ids: Collection[str], reason: str, actor: str = "") -> list[str]:
    """After a rollback: the removed deltas' edits wait for a person, so that they are not relearned."""
    return set_edits_of(tx, delta_ids, EditState.QUARANTINED, reason, actor)


def versions_shown(tx: Tx) -> frozenset[str]:
    """Versions that users have been shown at any time: never a fresh candidate again.

    One whose rollouts all ended without a verdict is one still: it waits for its turn.
    """
    rows = tx.db.execute(select(schema.rollouts.c.version, schema.rollouts.c.state)).all()
    judged = {row.version for row in rows if row.state != "reverted"}
    unjudged = {row.version for row in rows} - judged
    moves = select(schema.audit.c.subject, schema.audit.c.after).where(schema.audit.c.action == "move_ref")
    moved = {
        row.after for row in tx.db.execute(moves) if row.subject != "canary" or row.after not in unjudged
    }
    return frozenset(name for name in judged | moved if name and name != BASE_VERSION)


def versions_waiting(tx: Tx) -> list[VersionRow]:
    """The accepted versions that were never shown to anybody, oldest first."""
    shown = versions_shown(tx)
    return [
        version
        for version in versions(tx)
        if version.name not in shown
        and version.gate.get("accepted")
        and "revoked" not in version.gate
        and not version.erased
    ]


def carriers(tx: Tx, delta_ids: Collection[str], refs: Refs) -> tuple[list[VersionRow], dict[str, str]]:
    """All versions with one of these deltas, oldest first, and which refs name one of them."""
    wanted = set(delta_ids)
    rows = [row for row in versions(tx) if wanted & set(row.deltas)]
    names = {row.name for row in rows}
    named = {"stable": refs.stable, "canary": refs.canary}
    return rows, {ref: name for ref, name in named.items() if name in names}


def _edits_of(tx: Tx, delta_ids: Collection[str]) -> list[str]:
    rows = tx.db.execute(
        select(_delta_edits.c.edit_id)
        .where(_delta_edits.c.delta_id.in_(list(delta_ids)))
        .distinct()
        .order_by(_delta_edits.c.edit_id)
    )
    return list(rows.scalars())


def _number(name: str) -> int:
    if not (name.startswith("v") and name[1:].isdecimal() and int(name[1:]) > 0):
        raise UnknownVersion(f"{name!r} cannot name a version: v1, v2, … are names, v0 is the base.")
    return int(name[1:])


def _version(row: Row[Any], deltas: Sequence[str]) -> VersionRow:
    return VersionRow(
        row.name,
        row.digest,
        tuple(deltas),
        row.parent,
        row.created_at,
        dict(row.gate),
        row.erased_at is not None,
    )
