"""Taking deltas out of what is served: which edits lose their place, and what may be shown no more.

An edit that nobody withdrew is never lost with the delta that carried it: it waits to be learned again.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, update

from server.ledger import edits as edit_rows
from server.ledger import refs as ref_rows
from server.ledger import schema, versions
from server.ledger.types import Tx
from server.types import EditState, VersionRow

_edits = schema.edits
_version_deltas = schema.version_deltas


def holding(tx: Tx, delta_ids: Collection[str]) -> list[VersionRow]:
    """The versions with one of these deltas that can still be served, oldest first."""
    wanted = set(delta_ids)
    return [row for row in versions.versions(tx) if not row.erased and wanted & set(row.deltas)]


def withdraw_waiting(tx: Tx, names: Collection[str], reason: str) -> None:
    """Never show these versions, which wait to be shown."""
    for name in names:
        versions.amend_gate(tx, name, accepted=False, reason=reason)


def drop_version(tx: Tx, version: VersionRow, reason: str) -> list[str]:
    """Never show a version that waits; what its own delta taught is learned again. Returns those edits."""
    withdraw_waiting(tx, [version.name], reason)
    return versions.set_edits_of(tx, [version.deltas[-1]], EditState.ALLOWED, reason)


def requeue_stranded(tx: Tx, reason: str) -> list[str]:
    """Send back to learning the trained edits that nothing served, shown or waiting carries; their ids.

    Call it after the refs have moved and the waiting versions were withdrawn.
    """
    refs = ref_rows.refs(tx)
    kept = {refs.stable, refs.canary} | {row.name for row in versions.versions_waiting(tx)}
    carried = (
        select(schema.delta_edits.c.edit_id)
        .join(_version_deltas, _version_deltas.c.delta_id == schema.delta_edits.c.delta_id)
        .where(_version_deltas.c.version.in_([name for name in kept if name is not None]))
    )
    rows = tx.db.execute(
        select(_edits.c.id)
        .where(_edits.c.state == EditState.TRAINED, _edits.c.id.not_in(carried))
        .order_by(_edits.c.id)
    )
    return requeue(tx, list(rows.scalars()), reason)


def requeue(tx: Tx, edit_ids: list[str], reason: str) -> list[str]:
    """Let edits that were learned once be learned again, with as many attempts as new ones."""
    edit_rows.move(tx, edit_ids, EditState.ALLOWED, reason)
    for some in edit_rows.chunks(edit_ids):
        tx.db.execute(update(_edits).where(_edits.c.id.in_(some)).values(attempts=0))
    return edit_ids
