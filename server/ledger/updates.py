"""Training runs: claim allowed edits under a lease, and record what came of them in one transaction.

One update runs at a time, since versions form a line. Its number is its fence. An edit leaves CLAIMED for
TRAINED only through the update that holds it, so no edit is trained twice whoever dies when.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, func, insert, select, update

from server.ledger import audit, schema, values, versions
from server.ledger import edits as edit_rows
from server.ledger.errors import BadFinish, StaleFence, UnknownUpdate
from server.ledger.types import Claim, Tx
from server.types import EditState, SelfEdit, Update, UpdateKind, UpdateState, VersionRow

MAX_DEATHS = 10
"""An edit whose training has taken the learner down this often waits for a person."""

WITHDRAWN = (EditState.REVOKED, EditState.QUARANTINED, EditState.BLOCKED)
"""States of an edit that must not be in what is served."""

_updates = schema.updates
_edits = schema.edits


def claim_edits(
    tx: Tx, owner: str, lease_seconds: float, limit: int, update_id: str | None = None
) -> Claim | None:
    """Take the oldest allowed edits for one training run; None when none waits or another run is going.

    An edit that was tried before is taken alone: one of several can be what an update was refused for.

    With `update_id` (from `take_run_request`) there is a claim even without edits, so that the run that was
    asked for can be recorded; while another run is going the request is put back.
    """
    release_expired(tx)
    if is_running(tx):
        if update_id is not None:
            values.put(tx, values.RUN_REQUEST, update_id)
        return None
    facts = select(_edits).where(_edits.c.state == EditState.ALLOWED, _edits.c.kind == "fact")
    waiting = edit_rows.oldest_first(facts)
    taken = edit_rows.load(tx, waiting.limit(limit).with_for_update(skip_locked=True))
    if taken:
        taken = taken[:1] if taken[0].attempts else [edit for edit in taken if not edit.attempts]
    if not taken and update_id is None:
        return None
    return take(tx, update_id or new_update_id(), UpdateKind.LEARN, owner, lease_seconds, taken)


def take(
    tx: Tx, new_id: str, kind: UpdateKind, owner: str, lease_seconds: float, taken: Sequence[SelfEdit]
) -> Claim:
    """Begin a run on these edits. No other may be going."""
    number = begin(tx, new_id, kind, owner, lease_seconds, len(taken))
    for some in edit_rows.chunks(edit.id for edit in taken):
        tx.db.execute(
            update(_edits)
            .where(_edits.c.id.in_(some))
            .values(state=EditState.CLAIMED, update_id=new_id, reason="")
        )
    audit.emit(tx, "update", new_id, f"training on {len(taken)} edits began")
    return Claim(new_id, number, _held_edits(tx, new_id))


def claim_consolidation(tx: Tx, owner: str, lease_seconds: float, facts: int) -> Claim | None:
    """Begin a run that trains nothing new, on so many facts of the stack; None while another run is going."""
    release_expired(tx)
    if is_running(tx):
        return None
    new_id = new_update_id()
    number = begin(tx, new_id, UpdateKind.CONSOLIDATE, owner, lease_seconds, facts)
    audit.emit(tx, "update", new_id, f"consolidation of {facts} facts began")
    return Claim(new_id, number, ())


def is_running(tx: Tx) -> bool:
    """Whether some run is going: one at a time, since versions form a line."""
    running = select(_updates.c.id).where(_updates.c.state == UpdateState.RUNNING)
    return tx.db.execute(running).first() is not None


def begin(tx: Tx, update_id: str, kind: UpdateKind, owner: str, lease_seconds: float, edits: int) -> int:
    """Record that a run on so many edits has begun; returns its number, which is its fence."""
    number = (tx.db.execute(select(func.max(_updates.c.number))).scalar() or 0) + 1
    tx.db.execute(
        insert(_updates).values(
            id=update_id,
            number=number,
            kind=kind,
            state=UpdateState.RUNNING,
            owner=owner,
            created_at=tx.now,
            lease_until=tx.now + lease_seconds,
            reason="",
            edits=edits,
        )
    )
    return number


def heartbeat_claim(tx: Tx, claim: Claim, lease_seconds: float) -> None:
    """Keep the claim for longer. Raises StaleFence when it was lost."""
    check_held(tx, claim)
    tx.db.execute(
        update(_updates).where(_updates.c.id == claim.update_id).values(lease_until=tx.now + lease_seconds)
    )


def finish_update(
    tx: Tx,
    claim: Claim,
    state: UpdateState,
    reason: str,
    version: VersionRow | None,
    learned: Collection[str] = (),
    returned: Mapping[str, tuple[EditState, str]] | None = None,
    carried: Sequence[str] = (),
    report: Mapping[str, Any] | None = None,
) -> None:
    """Record the end of an update: version, deltas, edits and the update itself, all or nothing.

    `learned` edits become TRAINED by `version`; `returned` ones go where they are sent and count one attempt.
    Every edit of the claim must be in exactly one of the two (BadFinish). `carried` names edits of earlier
    deltas that a consolidating delta holds too. `report`: what the gate counted, where no version
    is to keep it. Raises VersionTaken (take the next name), and StaleFence, with nothing changed, when the
    lease was lost or an edit was withdrawn: the delta must then not be kept.
    """
    returned = returned or {}
    check_held(tx, claim)
    held = {edit.id for edit in _held_edits(tx, claim.update_id)}
    gone = {edit.id for edit in claim.edits} - held if learned else set()
    gone |= _withdrawn(tx, set(carried) - {edit.id for edit in claim.edits})
    if gone:
        raise StaleFence(
            f"Update {claim.update_id} trained edits that were withdrawn meanwhile: "
            f"{', '.join(sorted(edit[:12] for edit in gone))}. Drop its delta."
        )
    _check_accounted(claim, held, state, version, set(learned), returned)
    if version is not None:
        versions.insert_version(tx, version, claim.update_id, [*learned, *carried])
    for edit_id in learned:
        assert version is not None
        edit_rows.move(tx, [edit_id], EditState.TRAINED, "")
        tx.db.execute(update(_edits).where(_edits.c.id == edit_id).values(version=version.name))
    for edit_id, (to, why) in returned.items():
        if edit_id in held:
            edit_rows.move(tx, [edit_id], to, why)
            tx.db.execute(update(_edits).where(_edits.c.id == edit_id).values(attempts=_edits.c.attempts + 1))
    end(tx, claim.update_id, state, reason, version.name if version else None, report)


def refuse_edits(tx: Tx, claim: Claim, refused: Mapping[str, tuple[EditState, str]]) -> Claim:
    """Send edits away before they are trained, no attempt counted. Returns the claim on the others.

    Raises StaleFence when the claim was lost.
    """
    check_held(tx, claim)
    for edit in _held_edits(tx, claim.update_id):
        if edit.id in refused:
            edit_rows.move(tx, [edit.id], *refused[edit.id])
    return replace(claim, edits=tuple(edit for edit in claim.edits if edit.id not in refused))


def release_claim(tx: Tx, claim: Claim, reason: str) -> None:
    """Give the edits back unharmed (the learner is stopping). Raises StaleFence when the claim was lost."""
    check_held(tx, claim)
    _give_back(tx, claim.update_id)
    end(tx, claim.update_id, UpdateState.ABORTED, reason, None)


def release_expired(tx: Tx) -> list[str]:
    """End the runs whose lease ran out; their edits may be claimed again. Returns the updates' ids."""
    rows = tx.db.execute(
        select(_updates.c.id).where(_updates.c.state == UpdateState.RUNNING, _updates.c.lease_until < tx.now)
    )
    return [_bury(tx, row.id) for row in rows.all()]


def release_owner(tx: Tx, owner: str) -> list[str]:
    """End the runs of an owner known to be dead, without waiting for its lease. Returns the updates' ids."""
    rows = tx.db.execute(
        select(_updates.c.id).where(_updates.c.state == UpdateState.RUNNING, _updates.c.owner == owner)
    )
    return [_bury(tx, row.id) for row in rows.all()]


def updates(tx: Tx, limit: int = 20) -> list[Update]:
    """The last training runs, newest first."""
    rows = tx.db.execute(select(_updates).order_by(_updates.c.number.desc()).limit(limit))
    return [_update(row) for row in rows]


def update_of(tx: Tx, update_id: str) -> Update:
    """One training run. Raises UnknownUpdate."""
    row = tx.db.execute(select(_updates).where(_updates.c.id == update_id)).first()
    if row is None:
        raise UnknownUpdate(f"No update {update_id!r} is in the ledger.")
    return _update(row)


def consolidations_since(tx: Tx, moment: float) -> list[Update]:
    """The consolidations that began at or after a moment (seconds since the epoch), newest first."""
    rows = tx.db.execute(
        select(_updates)
        .where(_updates.c.kind == UpdateKind.CONSOLIDATE, _updates.c.created_at >= moment)
        .order_by(_updates.c.number.desc())
    )
    return [_update(row) for row in rows]


def trained_edits(tx: Tx, version: VersionRow) -> list[SelfEdit]:
    """The facts that this version's deltas carry and that still stand, oldest first."""
    return [
        edit for edit in carried_edits(tx, version) if edit.state is EditState.TRAINED and edit.kind == "fact"
    ]


def carried_edits(tx: Tx, version: VersionRow) -> list[SelfEdit]:
    """All edits that this version's deltas were trained on, whatever became of them, oldest first."""
    carried = select(schema.delta_edits.c.edit_id).where(schema.delta_edits.c.delta_id.in_(version.deltas))
    return edit_rows.load(tx, edit_rows.oldest_first(select(_edits).where(_edits.c.id.in_(carried))))


def request_run(tx: Tx) -> str:
    """Ask the learner for a run now and return its update id. Asking twice before it starts is once."""
    asked = values.value(tx, values.RUN_REQUEST)
    if asked is None:
        asked = new_update_id()
        values.put(tx, values.RUN_REQUEST, asked)
    return str(asked)


def requested_run(tx: Tx) -> str | None:
    """The update id that was asked for and has not begun; None when none was."""
    asked = values.value(tx, values.RUN_REQUEST)
    return None if asked is None else str(asked)


def take_run_request(tx: Tx) -> str | None:
    """The update id that was asked for, once; None when none was."""
    asked = values.value(tx, values.RUN_REQUEST)
    if asked is not None:
        values.remove(tx, values.RUN_REQUEST)
    return None if asked is None else str(asked)


def new_update_id() -> str:
    """An id for a training run."""
    return f"up-{uuid.uuid4().hex[:16]}"


def _withdrawn(tx: Tx, edit_ids: set[str]) -> set[str]:
    """Of these, the edits that no delta may be made to carry any more, those that are gone included."""
    standing: set[str] = set()
    for some in edit_rows.chunks(edit_ids):
        rows = tx.db.execute(
            select(_edits.c.id).where(_edits.c.id.in_(some), _edits.c.state.not_in(WITHDRAWN))
        )
        standing |= set(rows.scalars())
    return edit_ids - standing


def check_held(tx: Tx, claim: Claim) -> None:
    """Raise StaleFence unless the claim is still ours."""
    row = tx.db.execute(select(_updates).where(_updates.c.id == claim.update_id)).first()
    if row is None or row.state != UpdateState.RUNNING or row.number != claim.fence:
        now = "gone" if row is None else f"{row.state} ({row.reason})"
        raise StaleFence(f"Update {claim.update_id} was held under fence {claim.fence} and is now {now}.")


def _held_edits(tx: Tx, update_id: str) -> tuple[SelfEdit, ...]:
    held = select(_edits).where(_edits.c.update_id == update_id, _edits.c.state == EditState.CLAIMED)
    return tuple(edit_rows.load(tx, edit_rows.oldest_first(held)))


def _check_accounted(
    claim: Claim,
    held: set[str],
    state: UpdateState,
    version: VersionRow | None,
    learned: set[str],
    returned: Mapping[str, tuple[EditState, str]],
) -> None:
    ours = {edit.id for edit in claim.edits}
    if state is UpdateState.RUNNING:
        raise BadFinish("An update cannot finish as running.")
    if learned and (version is None or state is not UpdateState.ACCEPTED):
        raise BadFinish("Edits are learned only by an accepted update with a version.")
    if learned & set(returned) or not (learned | set(returned)) <= ours:
        raise BadFinish("An edit is both learned and returned, or belongs to another claim.")
    if held - learned - set(returned):
        raise BadFinish(f"The update says nothing of {len(held - learned - set(returned))} of its edits.")
    for to, _ in returned.values():
        if to in (EditState.CLAIMED, EditState.TRAINED):
            raise BadFinish(f"An edit cannot be returned as {to}.")


def abort_running(tx: Tx, reason: str) -> list[str]:
    """End the run that is going, its edits unharmed; what it would record is refused. Returns its id."""
    running = select(_updates.c.id).where(_updates.c.state == UpdateState.RUNNING)
    ended = list(tx.db.execute(running).scalars())
    for update_id in ended:
        _give_back(tx, update_id)
        end(tx, update_id, UpdateState.ABORTED, reason, None)
    return ended


def _bury(tx: Tx, update_id: str) -> str:
    """End a run whose learner died; an edit that keeps killing learners goes to a person."""
    held = _edits.c.update_id == update_id
    claimed = held & (_edits.c.state == EditState.CLAIMED)
    tx.db.execute(update(_edits).where(claimed).values(deaths=_edits.c.deaths + 1))
    deadly = tx.db.execute(select(_edits.c.id).where(claimed, _edits.c.deaths >= MAX_DEATHS)).scalars().all()
    edit_rows.move(
        tx, deadly, EditState.QUARANTINED, f"the learner died {MAX_DEATHS} times while training it"
    )
    _give_back(tx, update_id)
    end(tx, update_id, UpdateState.ABORTED, "the learner stopped before it was done", None)
    return update_id


def _give_back(tx: Tx, update_id: str) -> None:
    tx.db.execute(
        update(_edits)
        .where(_edits.c.update_id == update_id, _edits.c.state == EditState.CLAIMED)
        .values(state=EditState.ALLOWED, update_id=None)
    )


def end(
    tx: Tx,
    update_id: str,
    state: UpdateState,
    reason: str,
    version: str | None,
    report: Mapping[str, Any] | None = None,
) -> None:
    """Record how a run ended."""
    named = {} if version is None else {"version": version}
    tx.db.execute(
        update(_updates)
        .where(_updates.c.id == update_id)
        .values(state=state, reason=reason, finished_at=tx.now, report=report, **named)
    )
    audit.emit(tx, "update", update_id, f"{state}: {reason}"[:200], {"version": version})


def _update(row: Row[Any]) -> Update:
    return Update(
        id=row.id,
        state=UpdateState(row.state),
        created_at=row.created_at,
        version=row.version,
        reason=row.reason,
        edits=row.edits,
        kind=UpdateKind(row.kind),
        finished_at=row.finished_at,
        report=row.report,
    )
