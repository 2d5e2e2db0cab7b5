"""Is the audit what was written? Every row against its seal and its place, the end against the head record.

Found always, with the position: a row altered, dropped, put elsewhere or put in between; words cut without a
row that says so; rows missing at the end, by the head record and by a head that was noted outside.

Not found without a head noted outside: whoever may write the file can compute all hashes anew, cut off the
end with the head record, or put back an older copy of the whole file. The chain proves that nothing up to a
head that somebody else holds was changed since (`livegraft audit head`, on paper, in a ticket, in another
system); it does not prove that what was written was true, nor that all that happened was written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import rfc8785
from sqlalchemy import Connection, Row, Text, cast, create_engine, func, inspect, select, update
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoSuchTableError
from sqlalchemy.pool import NullPool

from server.ledger import chain, key_values, schema
from server.ledger.database import explain, locate
from server.ledger.errors import BadHead, LedgerError
from server.ledger.types import AuditCheck, Head, Problem, Tx

HEAD = "audit_head"
SHOWN = 100
"""Problems that are told: one renumbering makes thousands."""
_audit = schema.audit
_columns = [column for column in _audit.c if column.name != "evidence"]
_ROWS = select(*_columns, cast(_audit.c.evidence, Text).label("evidence"))
"""Evidence as text: what somebody put there need not be JSON."""
_Row: TypeAlias = Row[Any]


def head(tx: Tx) -> Head:
    """The end of the chain by its head record; position 0 before the first row."""
    noted = key_values.value(tx, HEAD)
    try:
        return Head(int(noted["position"]), str(noted["hash"]))
    except (TypeError, KeyError, ValueError):
        return Head(0, "")


def set_head(tx: Tx, position: int, digest: str) -> None:
    """Move the head record, in the transaction that adds the row."""
    key_values.put(tx, HEAD, {"position": position, "hash": digest})


def read_head(text: str) -> Head:
    """A head as it was noted outside, `POSITION:HASH`. Raises BadHead."""
    position, _, digest = text.strip().partition(":")
    if not position.isdecimal() or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise BadHead(
            f"{text[:100]!r} is no head of the audit: give it as `livegraft audit head` prints it, "
            "a position, a colon and 64 hex digits."
        )
    return Head(int(position), digest)


def verify_audit(tx: Tx, noted: Head | None = None) -> AuditCheck:
    """Look at every row, against the head record, and against a head noted outside when one is given."""
    now = head(tx)
    last = tx.db.execute(select(func.max(_audit.c.id))).scalar() or 0
    problems = _missing_end(last, now, "the head record")
    if last > now.position:
        problems.append(Problem(now.position + 1, "the head record knows of no row from here on"))
    known = [(now, "the head record")]
    if noted is not None:
        known.append((noted, "the head noted outside"))
        problems += _missing_end(last, noted, "the head noted outside")
    cut: dict[str, str] = {}
    rows = 0
    for row, before in _newest_first(tx):
        rows += 1
        problems += _linked(row, before) or _worded(row, cut)
        problems += [
            Problem(row.id, f"has another hash than {where}")
            for head_, where in known
            if row.id == head_.position and row.hash != head_.hash
        ]
        cut = _cuts(row) | cut
    problems.sort(key=lambda problem: problem.position)
    return AuditCheck(rows, now, len(problems), tuple(problems[:SHOWN]))


def verify_file(home: str | Path, noted: Head | None = None) -> AuditCheck:
    """The same of the ledger of a home folder, server up or down, without changing it. Raises LedgerError."""
    with reading_file(home) as tx:
        return verify_audit(tx, noted)


@contextmanager
def reading_file(home: str | Path) -> Iterator[Tx]:
    """A snapshot of a ledger, which is neither changed nor brought up to date. Raises LedgerError."""
    path = locate(home)
    if not path.is_file():
        raise LedgerError(f"There is no ledger at {path}: name the server's folder with --home.")
    query = {"mode": "ro", "uri": "true"}
    url = URL.create("sqlite", database=f"file:{quote(str(path))}", query=query)
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection, connection.begin():
            names = {column["name"] for column in inspect(connection).get_columns("audit")}
            if "hash" not in names:
                raise LedgerError(f"The audit of {path} is no chain yet: start this release's server once.")
            yield Tx(connection, time.time())
    except NoSuchTableError as error:
        raise LedgerError(f"{path} is no ledger: it has no audit.") from error
    except DBAPIError as error:
        raise explain(error, writing=False) from error


def _newest_first(tx: Tx) -> Iterator[tuple[_Row, _Row | None]]:
    """Each row with the one before it."""
    rows: Iterator[_Row] = iter(
        tx.db.execute(_ROWS.order_by(_audit.c.id.desc()).execution_options(yield_per=1000))
    )
    row = next(rows, None)
    while row is not None:
        before = next(rows, None)
        yield row, before
        row = before


def _missing_end(last: int, known: Head, where: str) -> list[Problem]:
    if last >= known.position:
        return []
    return [Problem(last + 1, f"missing: the chain ends at {last}, {where} knows of {known.position}")]


def _linked(row: _Row, before: _Row | None) -> list[Problem]:
    """What is wrong with a row's place in the chain."""
    try:
        if row.hash == chain.link(dict(row._mapping), before.hash if before else ""):
            return []
    except (rfc8785.CanonicalizationError, UnicodeError):
        return [Problem(row.id, "altered: it holds what no row can hold")]
    expected = before.id + 1 if before else 1
    if row.id > expected:
        return [Problem(expected, f"missing: row {row.id} does not follow on what is before it")]
    return [Problem(row.id, "altered, or not in its place: its hash is not that of what stands there")]


def _worded(row: _Row, cut: Mapping[str, str]) -> list[Problem]:
    """What is wrong with a row's words; `cut` are the seals of words that later rows say were cut."""
    try:
        found = chain.seal(row.salt, row.reason, json.loads(row.evidence))
    except (rfc8785.CanonicalizationError, UnicodeError, ValueError, TypeError, AttributeError):
        found = ""
    if found == cut.get(str(row.id), row.sealed):
        return []
    return [Problem(row.id, "its reason or evidence was altered")]


def _cuts(row: _Row) -> dict[str, str]:
    try:
        return dict(json.loads(row.evidence).get(chain.CUT) or {})
    except (ValueError, TypeError, AttributeError):
        return {}


def chain_all(connection: Connection) -> None:
    """Chain all rows as they stand, in the order of their ids (for the migration)."""
    tx = Tx(connection, time.time())
    end = Head(0, "")
    for row in connection.execute(select(_audit).order_by(_audit.c.id)).all():
        salt = chain.new_salt()
        told = chain.plain(row.evidence)
        mine = {**row._mapping, "sealed": chain.seal(salt, row.reason, told)}
        end = Head(row.id, chain.link(mine, end.hash))
        changed = {"evidence": told, "salt": salt, "sealed": mine["sealed"], "hash": end.hash}
        connection.execute(update(_audit).where(_audit.c.id == row.id).values(changed))
    if end.position:
        set_head(tx, end.position, end.hash)
