"""What became of a turn: from its self-edits over verdicts and deltas to the versions that are served."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from server.ledger import edits as edit_rows
from server.ledger import refs as ref_rows
from server.ledger import schema, turns, versions
from server.ledger.types import EditLineage, Lineage, Tx
from server.types import EditState, SelfEdit, TurnState, VersionRow


def lineage(tx: Tx, turn_id: str) -> Lineage:
    """A turn's self-edits, verdicts, deltas, versions, and in words where it stands. Raises UnknownTurn."""
    turn = turns.turn(tx, turn_id)
    written = edit_rows.edits(tx, turn_id)
    deltas = _deltas_of(tx, [edit.id for edit in written])
    carriers, refs = versions.carriers(tx, [d for ids in deltas.values() for d in ids], ref_rows.refs(tx))
    if turn.state is not TurnState.LEARNABLE:
        state = f"not learned: {turn.reason or turn.state.value}"
    elif written:
        told = [edit_state(edit, deltas.get(edit.id, ()), carriers, refs) for edit in written]
        state = "; ".join(dict.fromkeys(told))
    else:
        state = _job_state(tx, turn_id)
    return Lineage(
        turn=turn,
        self_edits=tuple(EditLineage(edit, tuple(edit_rows.verdicts(tx, edit.id))) for edit in written),
        deltas=tuple(dict.fromkeys(d for ids in deltas.values() for d in ids)),
        versions=tuple(carriers),
        refs=refs,
        state=state,
    )


def edit_state(
    edit: SelfEdit, deltas: Sequence[str], carriers: Sequence[VersionRow], refs: dict[str, str]
) -> str:
    """Where one self-edit stands, in words."""
    stands = _stands(edit, deltas, carriers, refs)
    return stands if edit.kind == "fact" else f"the feedback on it: {stands}"


def _stands(
    edit: SelfEdit, deltas: Sequence[str], carriers: Sequence[VersionRow], refs: dict[str, str]
) -> str:
    match edit.state:
        case EditState.ALLOWED:
            return _with("waiting for the learner", edit.reason)
        case EditState.CLAIMED:
            return "being trained now"
        case EditState.TRAINED:
            return _trained(edit, deltas, carriers, refs)
        case EditState.QUARANTINED:
            return _with("waiting for a person to review it", edit.reason)
        case EditState.BLOCKED:
            return _with("blocked", edit.reason)
        case EditState.MEMORY_ONLY:
            return _with("kept in memory only", edit.reason)
        case EditState.REVOKED:
            return _with("taken back", edit.reason)


def _trained(
    edit: SelfEdit, deltas: Sequence[str], carriers: Sequence[VersionRow], refs: dict[str, str]
) -> str:
    holding = {row.name for row in carriers if set(row.deltas) & set(deltas)}
    served = {ref: name for ref, name in refs.items() if name in holding}
    learned = f"learned in {edit.version}"
    if not served:
        return f"{learned}, which is not served now"
    if set(served.values()) == {edit.version}:
        return f"{learned}, which is {' and '.join(served)}"
    return f"{learned}, carried by {' and '.join(f'{name} ({ref})' for ref, name in served.items())}"


def _job_state(tx: Tx, turn_id: str) -> str:
    job = tx.db.execute(
        select(schema.jobs).where(schema.jobs.c.turn_id == turn_id, schema.jobs.c.kind == "edit")
    ).first()
    if job is None:
        return "not learned: learning was switched off"
    if job.state == "running" and job.lease_until >= tx.now:
        return "being written by the editor now"
    if job.state == "failed":
        return _with("not learned: the editor gave up", job.reason)
    if job.state == "done":
        return _with("nothing to learn", job.reason or "no fact was found in it")
    return _with("waiting for the editor", job.reason)


def _with(state: str, reason: str) -> str:
    return f"{state}: {reason}" if reason else state


def _deltas_of(tx: Tx, edit_ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    rows = tx.db.execute(
        select(schema.delta_edits, schema.deltas.c.created_at)
        .join(schema.deltas, schema.deltas.c.id == schema.delta_edits.c.delta_id)
        .where(schema.delta_edits.c.edit_id.in_(edit_ids))
        .order_by(schema.deltas.c.created_at, schema.deltas.c.id)
    )
    for row in rows:
        found.setdefault(row.edit_id, []).append(row.delta_id)
    return found
