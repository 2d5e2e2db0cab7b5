from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from pathlib import Path

import pytest

import server.ledger.database as database
from server.ledger import (
    Ledger,
    LedgerBusy,
    LedgerClosed,
    LedgerDamaged,
    LedgerError,
    LedgerTooNew,
    UnsupportedDatabase,
    WriteFailed,
)
from server.ledger.types import Tx
from tests.support.rows import make_turn


def pragma(tx: Tx, name: str) -> object:
    return tx.db.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_a_ledger_is_made_private_with_a_durable_log_and_no_automatic_checkpoints(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "new" / "home")
    assert ledger.path == tmp_path / "new" / "home" / "ledger.db"
    assert ledger.path.stat().st_mode & 0o777 == 0o600
    settings = ("journal_mode", "synchronous", "wal_autocheckpoint", "foreign_keys")
    assert ledger.write(lambda tx: [pragma(tx, name) for name in settings]) == ["wal", 2, 0, 1]
    assert ledger.read(lambda tx: [pragma(tx, "query_only"), pragma(tx, "wal_autocheckpoint")]) == [1, 0]
    ledger.close()


def test_a_sqlite_address_names_the_same_file_as_its_folder(tmp_path: Path) -> None:
    with_folder = Ledger.open(tmp_path)
    with_folder.add_turn(make_turn("t1"), False)
    with_address = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    assert with_address.turn("t1") == make_turn("t1")
    with_folder.close()
    with_address.close()


@pytest.mark.parametrize("address", ["postgresql://me:secret@host/db", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused_without_showing_the_password(address: str) -> None:
    with pytest.raises(UnsupportedDatabase, match="SQLite only") as refused:
        Ledger.open(address)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    before = (tmp_path / "ledger.db").read_bytes()
    with pytest.raises(LedgerDamaged, match=r"restore ledger\.db"):
        Ledger.open(tmp_path)
    assert (tmp_path / "ledger.db").read_bytes() == before


def test_a_ledger_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "ledger.db") as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(LedgerTooNew, match="9999"):
        Ledger.open(tmp_path)


def test_a_home_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(LedgerError, match="Cannot open the ledger"):
        Ledger.open(tmp_path / "home")


def test_the_note_about_sqlite_follows_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 3))
    assert database.sqlite_note() == ""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 51, 2))
    assert "file lock rules that out" in database.sqlite_note()


def test_writes_wait_for_the_lock_between_processes_and_reads_do_not(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1"), False)
    held = os.open(ledger.path.with_suffix(".lock"), os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    done = threading.Event()

    def write() -> None:
        ledger.add_turn(make_turn("t2"), False)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert not done.wait(0.2)
    assert [turn.id for turn in ledger.turns(10)] == ["t1"]
    os.close(held)
    assert done.wait(10)
    writer.join()


def test_a_lock_that_is_never_let_go_is_told(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    held = os.open(ledger.path.with_suffix(".lock"), os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    with pytest.raises(LedgerBusy, match=r"ledger\.lock"):
        ledger.add_turn(make_turn("t1"), False)
    os.close(held)
    ledger.add_turn(make_turn("t1"), False)


def test_a_full_disk_loses_nothing_that_was_stored_and_later_writes_go_on(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1"), True)
    pages = ledger.write(lambda tx: pragma(tx, "page_count"))
    ledger.write(lambda tx: pragma(tx, f"max_page_count = {pages}"))
    big = make_turn("t2", answer="x" * 1_000_000)
    with pytest.raises(WriteFailed, match="disk is full"):
        ledger.add_turn(big, True)
    assert [turn.id for turn in ledger.turns(10)] == ["t1"]
    ledger.write(lambda tx: pragma(tx, "max_page_count = 1000000"))
    ledger.add_turn(big, True)
    assert ledger.counts()["jobs"] == {"queued": 2}


def test_a_long_log_is_emptied_by_the_write_that_made_it_long(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "CHECKPOINT_BYTES", 200_000)
    log = ledger.path.with_name("ledger.db-wal")
    sizes = []
    for number in range(30):
        ledger.add_turn(make_turn(f"t{number}", answer="x" * 50_000), False)
        sizes.append(log.stat().st_size)
    assert max(sizes) < 600_000, "the log is used again from its start"
    assert ledger.path.stat().st_size > 1_000_000


def test_a_closed_ledger_has_no_log_left_and_says_that_it_is_closed(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    ledger.add_turn(make_turn("t1"), True)
    ledger.close()
    ledger.close()
    assert not (tmp_path / "ledger.db-wal").exists()
    with pytest.raises(LedgerClosed):
        ledger.add_turn(make_turn("t2"), True)
    with pytest.raises(LedgerClosed):
        ledger.turn("t1")
