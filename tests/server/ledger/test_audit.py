"""The audit is a chain: what is done to it behind the ledger's back is found, and where."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from server.ledger import Ledger, LedgerError, audit, chain
from server.ledger.audit_check import read_head, verify_audit, verify_file
from server.ledger.types import AuditCheck, Head, Tx
from server.types import EditState
from tests.support.older import taken_back
from tests.support.rows import Clock

ROWS = 9
COLUMNS = (*chain.LINKED[1:], "reason", "evidence", "salt", "hash")
Tamper = Callable[..., AuditCheck]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a closed ledger with ROWS audit rows."""
    home = tmp_path_factory.mktemp("written")
    ledger = Ledger.open(home, Clock())
    for number in range(ROWS):
        ledger.set_paused(number % 2 == 0, "ann", f"reason {number}")
    ledger.close()
    return home / "ledger.db"


@pytest.fixture(scope="module")
def tampered(written: Path) -> Iterator[Tamper]:
    """Runs SQL as somebody with the file and without scruples would, verifies, and takes it back."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        memory = connection.connection.dbapi_connection
        assert isinstance(memory, sqlite3.Connection)
        with closing(sqlite3.connect(written)) as raw:
            raw.backup(memory)
        memory.executescript("DROP TRIGGER audit_kept; DROP TRIGGER audit_unchanged;")

        def run(*statements: str, values: Sequence[object] = (), noted: Head | None = None) -> AuditCheck:
            for sql in statements:
                memory.execute(sql, values)
            try:
                return verify_audit(Tx(connection, 0.0), noted)
            finally:
                memory.rollback()

        yield run
    engine.dispose()


def test_what_nobody_touched_verifies_with_the_file_alone(written: Path) -> None:
    found = verify_file(written.parent)
    assert (found.ok, found.rows, found.head.position) == (True, ROWS, ROWS)
    assert found.head == read_head(str(found.head))


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_one_altered_value_is_always_found_and_its_row_named(
    data: st.DataObject, tampered: Tamper, written: Path
) -> None:
    position = data.draw(st.integers(1, ROWS))
    column = data.draw(st.sampled_from(COLUMNS))
    with closing(sqlite3.connect(written)) as raw:
        (old,) = raw.execute(f"SELECT {column} FROM audit WHERE id = ?", (position,)).fetchone()
    new: object
    if column == "at":
        new = data.draw(st.floats(allow_nan=False).filter(lambda at: at != old))
    elif column == "evidence":
        told = data.draw(st.dictionaries(st.text(), st.one_of(st.integers(), st.text()), min_size=1))
        new = data.draw(st.sampled_from([json.dumps(told), "no json", "[]", "null"]))
    else:
        text = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
        new = data.draw(text.filter(lambda text: text != old))
    found = tampered(f"UPDATE audit SET {column} = ? WHERE id = ?", values=(new, position))
    assert found.problems[0].position == position


@given(position=st.integers(1, ROWS), renumbered=st.booleans())
@settings(deadline=None)
def test_one_dropped_row_is_always_found_and_its_place_named(
    tampered: Tamper, position: int, renumbered: bool
) -> None:
    sql = [f"DELETE FROM audit WHERE id = {position}"]
    if renumbered:
        sql += [
            f"UPDATE audit SET id = -id WHERE id > {position}",
            "UPDATE audit SET id = -id - 1 WHERE id < 0",
        ]
    found = tampered(*sql)
    assert found.problems[0].position == position


@given(st.data())
@settings(deadline=None)
def test_two_rows_in_each_others_places_are_always_found(tampered: Tamper, data: st.DataObject) -> None:
    first, second = sorted(data.draw(st.sets(st.integers(1, ROWS), min_size=2, max_size=2)))
    found = tampered(
        f"UPDATE audit SET id = -1 WHERE id = {first}",
        f"UPDATE audit SET id = {first} WHERE id = {second}",
        f"UPDATE audit SET id = {second} WHERE id = -1",
    )
    assert found.problems[0].position == first


@pytest.mark.parametrize("left", range(ROWS))
def test_a_cut_off_end_is_found_by_the_head_record(tampered: Tamper, left: int) -> None:
    found = tampered(f"DELETE FROM audit WHERE id > {left};")
    assert found.problems[0].position == left + 1
    assert "missing" in found.problems[0].what


def test_an_end_cut_off_with_its_head_record_is_found_only_by_a_head_noted_outside(
    tampered: Tamper, written: Path
) -> None:
    noted = verify_file(written.parent).head
    with closing(sqlite3.connect(written)) as raw:
        (digest,) = raw.execute("SELECT hash FROM audit WHERE id = 5").fetchone()
    record = json.dumps({"position": 5, "hash": digest})
    forged = f"UPDATE key_values SET value = '{record}' WHERE key = 'audit_head'"
    sql = ["DELETE FROM audit WHERE id > 5", forged]
    assert tampered(*sql).ok, "whoever can write the file can do this"
    found = tampered(*sql, noted=noted)
    assert (found.problems[0].position, "noted outside" in found.problems[0].what) == (6, True)


def test_a_row_put_in_at_the_end_and_a_lost_head_record_are_found(
    tampered: Tamper,
) -> None:
    more = (
        "INSERT INTO audit (at, actor, action, subject, reason, evidence)"
        "VALUES (1, 'eve', 'move_ref', 'stable', 'because', '{}');"
    )
    assert tampered(more).problems[0].position == ROWS + 1
    assert not tampered("DELETE FROM key_values WHERE key = 'audit_head';").ok


def test_a_chain_computed_anew_is_found_by_a_head_noted_outside(written: Path, tmp_path: Path) -> None:
    noted = verify_file(written.parent).head
    ledger = Ledger.open(tmp_path, Clock())
    for number in range(ROWS):
        ledger.set_paused(number % 2 == 0, "ann", "all was well")
    assert ledger.verify_audit().ok
    assert [p.position for p in ledger.verify_audit(noted).problems] == [ROWS]
    ledger.close()


def test_the_database_itself_refuses_to_delete_a_row_or_change_its_facts(ledger: Ledger) -> None:
    ledger.set_paused(True, "ann", "maintenance")
    with closing(sqlite3.connect(ledger.path)) as raw:
        for sql in ("DELETE FROM audit", "UPDATE audit SET actor = 'eve'", "UPDATE audit SET hash = ''"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                raw.execute(sql)


def test_words_that_are_cut_leave_the_chain_whole_when_a_row_says_so(ledger: Ledger) -> None:
    ledger.set_paused(True, "ann", "Ben's number is 8443")
    sealed = ledger.audit()[0].hash
    ledger.write(lambda tx: audit.cut(tx, [(1, "(erased)", {})]))
    assert [p.position for p in ledger.verify_audit().problems] == [1], "nobody said that it was cut"

    def again(tx: Tx) -> None:
        cut = audit.cut(tx, [(1, "(erased)", {})])
        audit.record(tx, "ann", "forget_user", "x", None, None, "forgotten", {chain.CUT: cut})

    ledger.write(again)
    assert ledger.verify_audit().ok
    assert ledger.audit()[1].reason == "(erased)"
    assert ledger.audit()[1].hash == sealed


def test_whatever_evidence_holds_the_row_is_written_and_verifies(ledger: Ledger) -> None:
    odd = {
        "nan": float("nan"),
        "big": 2**70,
        "half": "\ud800",
        "deep": {1: [True, None, 1.5e300, -0.0]},
        "é": (),
    }
    ledger.write(lambda tx: audit.record(tx, "ann", "edit", "e1", None, None, "why \udc00", odd))
    assert ledger.verify_audit().ok
    assert ledger.audit()[0].evidence["big"] == str(2**70)


def test_rows_of_an_older_ledger_are_chained_when_it_is_opened(
    ledger: Ledger, learned: Callable[[str], None], tmp_path: Path
) -> None:
    learned("one")
    ledger.set_edit_state("e-one", EditState.QUARANTINED, "hm", "ann")
    ledger.set_edit_state("e-one", EditState.ALLOWED, "good", "ann")
    ledger.close()
    taken_back(ledger.path, "0002")
    with pytest.raises(LedgerError, match="no chain yet"):
        verify_file(tmp_path)
    opened = Ledger.open(tmp_path)
    assert [row.reason for row in opened.audit()] == ["good", "hm"]
    assert (opened.verify_audit().ok, opened.verify_audit().rows, opened.audit_head().position) == (
        True,
        2,
        2,
    )
    opened.close()


def test_every_process_writes_the_same_chain(tmp_path: Path) -> None:
    one, two = Ledger.open(tmp_path), Ledger.open(tmp_path)
    for number in range(10):
        (one, two)[number % 2].set_paused(True, "ann", str(number))
    assert one.verify_audit() == two.verify_audit()
    assert (one.verify_audit().ok, one.verify_audit().rows) == (True, 10)
    one.close()
    two.close()


def test_a_call_that_is_taken_back_leaves_no_gap(ledger: Ledger) -> None:
    def fail(tx: Tx) -> None:
        audit.record(tx, "ann", "edit", "e1", None, None, "why")
        raise LookupError

    with pytest.raises(LookupError):
        ledger.write(fail)
    ledger.set_paused(True, "ann", "why")
    assert (ledger.audit()[0].id, ledger.verify_audit().ok) == (1, True)


def test_what_is_no_ledger_or_no_head_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="There is no ledger at"):
        verify_file(tmp_path)
    (tmp_path / "ledger.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(LedgerError, match="damaged"):
        verify_file(tmp_path)
    with pytest.raises(LedgerError, match="no head of the audit"):
        read_head("12:abc")


def test_what_a_killed_process_left_in_the_log_is_verified_too(tmp_path: Path) -> None:
    code = (
        "import os, sys; from server.ledger import Ledger; ledger = Ledger.open(sys.argv[1]);"
        "ledger.set_paused(True, 'ann', 'killed right after'); os.kill(os.getpid(), 9)"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=root, check=False)
    assert done.returncode == -9
    assert (tmp_path / "ledger.db-wal").stat().st_size > 0
    found = verify_file(tmp_path)
    assert (found.ok, found.rows) == (True, 1)
