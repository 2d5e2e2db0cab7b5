"""Examinations: a version that was made of other versions' deltas is asked what it still knows.

Nothing is trained. The run stands among the updates, under the same lease and the same fence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update

from server.ledger import refs as ref_rows
from server.ledger import removal, schema, updates, versions
from server.ledger.types import Claim, Tx
from server.types import BASE_VERSION, UpdateKind, UpdateState, VersionRow

MAX_TRIES = 5
"""An examination that took the learner down this often is left undone: learning goes on without it."""

_updates = schema.updates


def unexamined(tx: Tx) -> VersionRow | None:
    """The stable version, if it was recomposed by an operator's order and nobody has examined it yet."""
    name = ref_rows.refs(tx).stable
    if name == BASE_VERSION:
        return None
    row = versions.version(tx, name)
    return row if "revoked" in row.gate and "examined_at" not in row.gate else None


def claim_examination(tx: Tx, owner: str, lease_seconds: float) -> tuple[Claim, VersionRow] | None:
    """Take the version that waits to be examined, with the edits that it carries and that still stand.

    None when none waits or another run is going.
    """
    updates.release_expired(tx)
    version = unexamined(tx)
    if version is None or updates.is_running(tx) or _tries(tx, version.name) >= MAX_TRIES:
        return None
    carried = updates.trained_edits(tx, version)
    new_id = updates.new_update_id()
    fence = updates.begin(tx, new_id, UpdateKind.EXAMINE, owner, lease_seconds, len(carried))
    tx.db.execute(update(_updates).where(_updates.c.id == new_id).values(version=version.name))
    return Claim(new_id, fence, tuple(carried)), version


def finish_examination(
    tx: Tx, claim: Claim, version: str, report: Mapping[str, Any], answered: frozenset[str]
) -> list[str]:
    """Record a report on a version; the edits that it no longer answers are learned again. Returns their ids.

    What an operator ordered stands whatever the report says. Raises StaleFence when the lease was lost.
    """
    updates.check_held(tx, claim)
    gate = versions.version(tx, version).gate
    reason = f"{gate.get('reason', '')}; examined: {report['reason']}"
    versions.amend_gate(tx, version, **dict(report) | {"reason": reason, "examined_at": tx.now})
    standing = {edit.id for edit in updates.trained_edits(tx, versions.version(tx, version))}
    asked = {edit.id for edit in claim.edits}
    lost = sorted((asked & standing) - answered)
    removal.requeue(tx, lost, f"{version} no longer answers it since a delta was taken out: learned again")
    state = UpdateState.ACCEPTED if report["accepted"] else UpdateState.REJECTED
    updates.end(tx, claim.update_id, state, reason, version)
    return lost


def _tries(tx: Tx, version: str) -> int:
    examined = (_updates.c.kind == UpdateKind.EXAMINE) & (_updates.c.version == version)
    return tx.db.execute(select(func.count()).where(examined)).scalar_one()


def fail_examination(tx: Tx, claim: Claim, version: str, reason: str) -> None:
    """An examination that could not be made: said on the version, not tried again by itself."""
    updates.check_held(tx, claim)
    gate = versions.version(tx, version).gate
    said = f"{gate.get('reason', '')}; could not be examined: {reason}"
    versions.amend_gate(tx, version, accepted=False, reason=said, examined_at=tx.now)
    updates.end(tx, claim.update_id, UpdateState.ABORTED, reason, version)
