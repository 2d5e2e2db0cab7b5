"""Which edits hold which words, as keyed hashes: who else has stated a fact, what is verified near it.

A row says that an edit holds a rare fragment, a word, a subject, or as a whole a certain meaning; the four
are hashed apart. The key is drawn once and lies in the same database, so the hashes keep words from whoever
reads the table, a dump of it or a log, not from whoever holds the whole ledger: the statements stand there
in clear. Blocked edits have no rows. The guardian's words are used (guardian.fragments): a release that
changes them must index anew, as the migration that made the table did.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, exists, func, insert, or_, select

from server.ledger import audit, schema, values
from server.ledger.types import Heard, Told, Tx
from server.types import EditState

KEY = "fragment_key"
MOST_SUPPORTERS = 64
MOST_VERIFIED = 32
ACCEPTED = (EditState.ALLOWED, EditState.MEMORY_ONLY, EditState.CLAIMED, EditState.TRAINED)
"""States of an edit that counts: not what was refused, taken back, or waits for a person."""
_rows = schema.fragments
_edits = schema.edits
_turns = schema.turns


def index(tx: Tx, edit_id: str, user: str, statement: str, subject: str, at: float) -> None:
    """Write the rows of an edit."""
    key = _key(tx, make=True)
    assert key is not None
    hashes = {_hash(key, *one) for one in (*_held(statement), *_named_subject(subject))}
    if hashes:
        tx.db.execute(
            insert(_rows),
            [{"fragment": one, "edit_id": edit_id, "user_id": user, "at": at} for one in sorted(hashes)],
        )


def unindex(tx: Tx, edit_ids: Iterable[str]) -> None:
    """Delete the rows of edits that must not count any more."""
    ids = list(edit_ids)
    for start in range(0, len(ids), 500):
        tx.db.execute(delete(_rows).where(_rows.c.edit_id.in_(ids[start : start + 500])))


def index_all(db: Connection) -> None:
    """Index every edit that is not blocked and has no rows; for a ledger that is older than the table."""
    rows = db.execute(
        select(_edits.c.id, _edits.c.user_id, _edits.c.statement, _edits.c.subject, _edits.c.created_at)
        .where(_edits.c.state != EditState.BLOCKED, _edits.c.id.not_in(select(_rows.c.edit_id)))
        .order_by(_edits.c.created_at)
    ).all()
    for row in rows:
        index(Tx(db, row.created_at), row.id, row.user_id, row.statement, row.subject, row.created_at)


def supporters(tx: Tx, text: str, user: str, limit: int = MOST_SUPPORTERS) -> list[Heard]:
    """What other users have stated with a rare fragment of `text`, or the same words where it has none.

    One statement a user, the one with most of the fragments, of equals the newest; the most first.
    """
    rare = [one for one in _held(text) if one[0] == "rare"]
    found = _matching(tx, rare or [one for one in _held(text) if one[0] == "fact"])
    if found is None:
        return []
    shared = func.count().label("shared")
    order = (shared.desc(), func.max(_rows.c.at).desc(), _rows.c.edit_id)
    nth = func.row_number().over(partition_by=_rows.c.user_id, order_by=order).label("nth")
    ranked = (
        found.add_columns(shared, nth)
        .where(_rows.c.user_id != user, _edits.c.kind == "fact", _edits.c.state.in_(ACCEPTED))
        .group_by(_rows.c.edit_id)
        .subquery()
    )
    best = (
        select(ranked).where(ranked.c.nth == 1).order_by(ranked.c.shared.desc(), ranked.c.created_at.desc())
    )
    return [_heard(tx, row) for row in tx.db.execute(best.limit(limit)).all()]


def verified(tx: Tx, text: str, limit: int = MOST_VERIFIED) -> list[Heard]:
    """Facts that an operator told or a person approved and that share a word with `text`, the most first."""
    found = _matching(tx, [one for one in _held(text) if one[0] == "word"])
    if found is None:
        return []
    approved = exists().where(audit.APPROVED, schema.audit.c.subject == _edits.c.id)
    shared = func.count().label("shared")
    best = (
        found.add_columns(shared)
        .where(_edits.c.kind == "fact", _edits.c.state.in_(ACCEPTED), or_(_turns.c.operator, approved))
        .group_by(_rows.c.edit_id)
        .order_by(shared.desc(), func.max(_rows.c.at).desc(), _rows.c.edit_id)
        .limit(limit)
    )
    return [_heard(tx, row) for row in tx.db.execute(best).all()]


def told(tx: Tx, user: str, subject: str, since: float, experts: Collection[str] = (), but: str = "") -> Told:
    """What the caps count: times of accepted edits, oldest first. The edit `but` is left out.

    Of the subject those of operators and of `experts` are left out too.
    """
    mine = select(_edits.c.created_at).where(
        _edits.c.user_id == user,
        _edits.c.created_at > since,
        _edits.c.state.in_(ACCEPTED),
        _edits.c.id != but,
    )
    by_user = tuple(tx.db.execute(mine.order_by(_edits.c.created_at)).scalars())
    about = _matching(tx, _named_subject(subject))
    if about is None:
        return Told(by_user)
    about = about.where(_edits.c.kind == "fact", _edits.c.state.in_(ACCEPTED), _edits.c.id != but)
    rows = tx.db.execute(about.order_by(_edits.c.created_at)).all()
    lately = tuple(
        row.created_at
        for row in rows
        if row.created_at > since and not row.operator and row.user_id not in experts
    )
    return Told(by_user, lately, sum(row.user_id == user for row in rows))


def met(tx: Tx, user: str, until: float) -> tuple[float | None, int]:
    """When the user's first turn was (None: never before `until`) and how many they had had by then."""
    row = tx.db.execute(
        select(func.min(_turns.c.created_at).label("first"), func.count().label("turns")).where(
            _turns.c.user_id == user, _turns.c.created_at <= until
        )
    ).one()
    return row.first, row.turns


def _matching(tx: Tx, wanted: Collection[tuple[str, str]]) -> Select[Any] | None:
    """Rows with one of these hashes, with their edits and turns; None when there can be none."""
    key = _key(tx)
    if key is None or not wanted:
        return None
    return (
        select(
            _rows.c.edit_id,
            _rows.c.user_id,
            _edits.c.statement,
            _edits.c.created_at,
            _turns.c.operator,
        )
        .join(_edits, _edits.c.id == _rows.c.edit_id)
        .join(_turns, _turns.c.id == _edits.c.turn_id)
        .where(_rows.c.fragment.in_([_hash(key, *one) for one in wanted]))
    )


def _heard(tx: Tx, row: Row[Any]) -> Heard:
    first, turns = (None, 0) if row.operator else met(tx, row.user_id, row.created_at)
    return Heard(row.edit_id, row.user_id, row.statement, row.created_at, row.operator, first, turns)


def _held(text: str) -> list[tuple[str, str]]:
    """What a statement holds: (kind, words)."""
    # the guardian's word lists take half a second to load: not in every process that opens a ledger
    from guardian.fragments import fragments
    from guardian.words import content_stems, fact_fingerprint

    rare = {("rare", fragment.text) for fragment in fragments(text)}
    return sorted(
        rare | {("word", stem) for stem in content_stems(text)} | {("fact", fact_fingerprint(text))}
    )


def _named_subject(subject: str) -> list[tuple[str, str]]:
    from guardian.words import content_stems

    stems = " ".join(sorted(content_stems(subject)))
    return [("subject", stems)] if stems else []


def _hash(key: bytes, kind: str, words: str) -> str:
    said = f"{kind}\0{words}".encode("utf-8", "surrogatepass")
    return hmac.new(key, said, hashlib.sha256).hexdigest()[:24]


def _key(tx: Tx, make: bool = False) -> bytes | None:
    """The key of the hashes; None when nothing was ever indexed."""
    known = values.value(tx, KEY)
    if known is None and make:
        known = secrets.token_hex(32)
        values.put(tx, KEY, known)
    return None if known is None else bytes.fromhex(known)
