"""Forget a user: every row of theirs goes in one transaction, and what is left to delete elsewhere is noted.

The note (`to_erase`) stands until the deltas' files are gone and the log is emptied, whoever dies between.
Rows that outlive the user keep no word of theirs: where a free text quotes one it is cut out. Not covered:
what other users wrote themselves, or were answered, before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, delete, false, or_, select, update

from server.ledger import audit, chain, evidence, removal, schema, signals, updates, values, versions
from server.ledger import edits as edit_rows
from server.ledger.types import Tx
from server.types import VersionRow

ACTION = "forget_user"
_TO_ERASE = "to_erase"
_SHORTEST_QUOTE = 4
"""Characters. Shorter words are everybody's: cutting 'yes' out of every reason would help nobody."""
_CUT = "(erased)"


@dataclass(frozen=True, slots=True)
class ToErase:
    """A note of what an erasure has left to delete."""

    serial: int
    """Grows with each erasure while the note stands."""
    deltas: tuple[str, ...]


def deltas_of_user(tx: Tx, user: str) -> tuple[str, ...] | None:
    """The deltas that hold an edit of this user, trained or merely carried; None for an unknown user."""
    turns, edits = _ids(tx, user)
    said = select(schema.feedback.c.id).where(schema.feedback.c.user_id == user)
    if not turns and not edits and tx.db.execute(said.limit(1)).first() is None:
        return None
    found: set[str] = set()
    for some in edit_rows.chunks(edits):
        rows = (
            select(schema.delta_edits.c.delta_id)
            .join(schema.deltas, schema.deltas.c.id == schema.delta_edits.c.delta_id)
            .where(schema.delta_edits.c.edit_id.in_(some), schema.deltas.c.erased_at.is_(None))
        )
        found.update(tx.db.execute(rows).scalars())
    return tuple(sorted(found))


def erase_user(tx: Tx, user: str, deltas: Collection[str], subject: str, actor: str) -> dict[str, Any]:
    """Erase the user's rows and mark these deltas erased, with all versions made of them.

    Deltas that only those versions held go too: nothing can serve them any more, and what was trained on top
    of a forgotten fact may hold a trace of it. Call it in the transaction that has moved the refs away from
    them. `subject` stands in the audit for the user. Returns what was erased, in counts and ids, as the audit
    row holds it.
    """
    turns, edits = _ids(tx, user)
    stopped = updates.abort_running(tx, "a user is being forgotten: begun again without them")
    quotes = _quotes(tx, edits)
    cut = cut_about(tx, edits)
    evidence.forget_user(tx, user)
    counts = delete_rows(tx, turns, edits, user)
    erased = _mark_erased(tx, deltas)
    deltas = {*deltas, *_mark_unserved(tx, erased)}
    requeued = removal.requeue_stranded(tx, "its delta held facts of a user who was forgotten: learned again")
    cut |= _cut_quotes(tx, quotes)
    told = {
        **counts,
        "deltas": sorted(deltas),
        "versions": [row.name for row in erased],
        "relearning": len(requeued),
        "updates_stopped": stopped,
    }
    audit.record(tx, actor, ACTION, subject, None, None, "a user was forgotten", with_cuts(told, cut))
    audit.emit(tx, "version", ACTION, "a user was forgotten", {"versions": told["versions"]})
    before = to_erase(tx)
    pending = set(deltas) | set(before.deltas if before else ())
    serial = before.serial + 1 if before else 1
    values.put(tx, _TO_ERASE, {"serial": serial, "deltas": sorted(pending)})
    return told


def forgotten(tx: Tx, subject: str) -> dict[str, Any] | None:
    """What was erased when this user was last forgotten; None when that never was."""
    rows = select(schema.audit.c.evidence).where(
        schema.audit.c.action == ACTION, schema.audit.c.subject == subject
    )
    told = tx.db.execute(rows.order_by(schema.audit.c.id.desc())).scalars().first()
    return None if told is None else {name: value for name, value in told.items() if name != chain.CUT}


def to_erase(tx: Tx) -> ToErase | None:
    """What is still to be deleted: these deltas' files, then the log; None when all is done."""
    noted = values.value(tx, _TO_ERASE)
    return None if noted is None else ToErase(noted["serial"], tuple(noted["deltas"]))


def set_erased(tx: Tx, done: ToErase) -> None:
    """All of this is deleted. Where another user was forgotten meanwhile the note stays: do it again."""
    if to_erase(tx) == done:
        values.remove(tx, _TO_ERASE)


def _ids(tx: Tx, user: str) -> tuple[list[str], list[str]]:
    """Ids of the user's turns, and of the edits written from them or named after the user."""
    turns = list(tx.db.execute(select(schema.turns.c.id).where(schema.turns.c.user_id == user)).scalars())
    theirs = select(schema.turns.c.id).where(schema.turns.c.user_id == user)
    edits = select(schema.edits.c.id).where(
        or_(schema.edits.c.user_id == user, schema.edits.c.turn_id.in_(theirs))
    )
    return turns, list(tx.db.execute(edits).scalars())


def _quotes(tx: Tx, edits: Iterable[str]) -> re.Pattern[str] | None:
    """Finds what a report may have quoted of these edits, the longest first; None when that is nothing."""
    found: set[str] = set()
    told = select(schema.edits.c.statement, schema.edits.c.subject, schema.edits.c.value)
    asked = select(schema.examples.c.prompt, schema.examples.c.completion)
    for some in edit_rows.chunks(edits):
        for query in (
            told.where(schema.edits.c.id.in_(some)),
            asked.where(schema.examples.c.edit_id.in_(some)),
        ):
            found.update(text for row in tx.db.execute(query) for text in row)
    words = sorted((text for text in found if len(text) >= _SHORTEST_QUOTE), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)") if words else None


def cut_about(tx: Tx, edits: Iterable[str]) -> dict[str, str]:
    """Cut all words of the audit about these edits; returns what a row must say of it (`with_cuts`)."""
    found: list[int] = []
    for some in edit_rows.chunks(edits):
        found += tx.db.execute(select(schema.audit.c.id).where(schema.audit.c.subject.in_(some))).scalars()
    return audit.cut(tx, ((row_id, _CUT, {}) for row_id in found))


def with_cuts(told: Mapping[str, Any], cut: Mapping[str, str]) -> dict[str, Any]:
    """Evidence that says too which rows' words were cut."""
    return {**told, chain.CUT: dict(cut)} if cut else dict(told)


def delete_rows(tx: Tx, turns: list[str], edits: list[str], user: str | None = None) -> dict[str, int]:
    """Delete children before parents, with all feedback of `user`; returns how many went of each."""

    def gone(table: Table, column: Column[Any], ids: Iterable[str]) -> int:
        return sum(
            tx.db.execute(delete(table).where(column.in_(some))).rowcount for some in edit_rows.chunks(ids)
        )

    said, events = schema.feedback, schema.events
    theirs = said.c.user_id == user if user is not None else false()
    spoken_of = list(tx.db.execute(select(said.c.id, said.c.turn_id).where(theirs)))
    gone(events, events.c.subject, [*turns, *edits, *(row.turn_id for row in spoken_of)])
    counts = {
        "verdicts": gone(schema.verdicts, schema.verdicts.c.edit_id, edits),
        "examples": gone(schema.examples, schema.examples.c.edit_id, edits),
        "feedback": gone(said, said.c.turn_id, turns) + gone(said, said.c.id, (row.id for row in spoken_of)),
        "jobs": gone(schema.jobs, schema.jobs.c.turn_id, turns),
    }
    signals.forget_signals(tx, turns)
    gone(schema.fragments, schema.fragments.c.edit_id, edits)
    gone(schema.delta_edits, schema.delta_edits.c.edit_id, edits)
    counts["self_edits"] = gone(schema.edits, schema.edits.c.id, edits)
    counts["turns"] = gone(schema.turns, schema.turns.c.id, turns)
    signals.lower_mark(tx)
    return counts


def _mark_erased(tx: Tx, deltas: Collection[str]) -> list[VersionRow]:
    """Mark deltas and the versions made of them; a report on such a version may quote, so it goes too."""
    rows = removal.holding(tx, deltas)
    for some in edit_rows.chunks(deltas):
        tx.db.execute(update(schema.deltas).where(schema.deltas.c.id.in_(some)).values(erased_at=tx.now))
    report = {"accepted": False, "reason": "erased: it held facts of a user who was forgotten", "checks": {}}
    for some in edit_rows.chunks(row.name for row in rows):
        mine = schema.versions.c.name.in_(some)
        tx.db.execute(update(schema.versions).where(mine).values(erased_at=tx.now, gate=report))
    return rows


def _mark_unserved(tx: Tx, erased: Iterable[VersionRow]) -> set[str]:
    """Mark the deltas of erased versions that no version which stands is made of; their ids."""
    kept = {delta for row in versions.versions(tx) if not row.erased for delta in row.deltas}
    unserved = {delta for row in erased for delta in row.deltas} - kept
    for some in edit_rows.chunks(unserved):
        tx.db.execute(update(schema.deltas).where(schema.deltas.c.id.in_(some)).values(erased_at=tx.now))
    return unserved


def _cut_quotes(tx: Tx, quotes: re.Pattern[str] | None) -> dict[str, str]:
    """Cut a forgotten user's words out of the reasons and reports that stay; what a row must say of it."""
    if quotes is None:
        return {}
    for table in (schema.updates, schema.edits, schema.jobs, schema.rollouts):
        for text in tx.db.execute(select(table.c.reason).distinct()).scalars().all():
            cut = quotes.sub(_CUT, text)
            if cut != text:
                tx.db.execute(update(table).where(table.c.reason == text).values(reason=cut))
    for table, key, report in (
        (schema.versions, schema.versions.c.name, schema.versions.c.gate),
        (schema.updates, schema.updates.c.id, schema.updates.c.report),
    ):
        for whose, said in tx.db.execute(select(key, report).where(report.is_not(None))).all():
            cut = _without(said, quotes)
            if cut != said:
                tx.db.execute(update(table).where(key == whose).values({report: cut}))
    said = (schema.audit.c.reason, schema.audit.c.evidence)
    quoting = [
        (row.id, quotes.sub(_CUT, row.reason), _without(row.evidence, quotes))
        for row in tx.db.execute(select(schema.audit.c.id, *said)).all()
        if quotes.search(row.reason) or _without(row.evidence, quotes) != row.evidence
    ]
    return audit.cut(tx, quoting)


def _without(said: Any, quotes: re.Pattern[str]) -> Any:
    """Every text in a JSON value, without the quotes."""
    if isinstance(said, str):
        return quotes.sub(_CUT, said)
    if isinstance(said, Mapping):
        return {key: _without(value, quotes) for key, value in said.items()}
    if isinstance(said, list):
        return [_without(value, quotes) for value in said]
    return said
