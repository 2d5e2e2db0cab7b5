"""The SQLite file: connections, pragmas, the lock between processes, and bringing the schema up to date.

SQLite before 3.51.3 can corrupt its write-ahead log when two connections write and checkpoint at the same
instant. Here every write transaction, every checkpoint and every last close happens under an flock on
`ledger.lock`, so there is never more than one writer or checkpointer over all processes, whatever the SQLite.
Automatic checkpoints are off. Not covered: other programs that write to the file without that lock, network
file systems, and a fork without exec (the child would share the lock).
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from server.ledger.errors import (
    LedgerBusy,
    LedgerDamaged,
    LedgerError,
    LedgerTooNew,
    ReadFailed,
    UnsupportedDatabase,
    WriteFailed,
)
from server.ledger.schema import REVISION

log = logging.getLogger("livegraft.ledger")

FIXED_IN = (3, 51, 3)
BUSY_SECONDS = 30.0
CHECKPOINT_BYTES = 32 * 1024 * 1024
"""A write that makes the log longer than this also empties it; silence empties it sooner."""
LOCK_POLL_SECONDS = 0.0005


def locate(home_or_url: str | Path) -> Path:
    """The database file that a home folder or a sqlite:/// address means. Raises UnsupportedDatabase."""
    if isinstance(home_or_url, str) and "://" in home_or_url:
        url = make_url(home_or_url)
        if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            raise UnsupportedDatabase(
                f"{url.render_as_string()} is no SQLite file. This release keeps its ledger in SQLite only: "
                "give a folder, or sqlite:///path/to/ledger.db."
            )
        return Path(url.database)
    return Path(home_or_url) / "ledger.db"


def sqlite_note() -> str:
    """'' for a SQLite without the write-ahead-log bug, else what is done about it."""
    if sqlite3.sqlite_version_info >= FIXED_IN:
        return ""
    return (
        f"SQLite {sqlite3.sqlite_version} can corrupt its log when two connections write and checkpoint at "
        "once (fixed in 3.51.3); the ledger's file lock rules that out. Do not write to ledger.db with other "
        "programs while the server runs."
    )


def explain(error: DBAPIError, writing: bool) -> LedgerError:
    """A driver's error in our words, with what to do."""
    text = str(error.orig)
    if "locked" in text or "busy" in text:
        return LedgerBusy(f"Another program has kept the ledger locked ({text}); close it and try again.")
    if "not a database" in text or "malformed" in text:
        return LedgerDamaged(f"The ledger is damaged ({text}): stop the server and restore ledger.db.")
    if "full" in text:
        return WriteFailed(
            "The disk is full: nothing of this was stored. Free some space; nothing else is needed."
        )
    return (WriteFailed if writing else ReadFailed)(f"The ledger's database refused: {text}.")


class Database:
    """One process's connections to the ledger: one that writes, some that read."""

    def __init__(self, path: Path) -> None:
        """Open or create the file and bring its schema up to date. Raises LedgerError."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # private from its first byte: it holds conversations
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._lock_descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LedgerError(f"Cannot open the ledger at {path}: {error.strerror or error}.") from error
        self._thread_lock = threading.RLock()
        self._depth = 0
        self._writing = _engine(path, read_only=False)
        self._reading = _engine(path, read_only=True)
        try:
            with self.lock():
                self._connection = self._writing.connect()
                self._migrate()
        except DBAPIError as error:
            self._dispose()
            raise explain(error, writing=True) from error
        except BaseException:
            self._dispose()
            raise

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only writer over all processes. Re-entrant within a thread. Raises LedgerBusy."""
        with self._thread_lock:
            if self._depth == 0:
                self._flock()
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    fcntl.flock(self._lock_descriptor, fcntl.LOCK_UN)

    def _flock(self) -> None:
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                fcntl.flock(self._lock_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LedgerBusy(
                        f"Another process has held {self.path.stem}.lock for {BUSY_SECONDS:.0f} s; "
                        "is a server or learner of this home stopped or hanging?"
                    ) from None
                time.sleep(LOCK_POLL_SECONDS)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """A write transaction (BEGIN IMMEDIATE) under the lock, committed at the end. Writer thread only."""
        with self.lock():
            with self._connection.begin():
                yield self._connection
            if self._wal_bytes() > CHECKPOINT_BYTES:
                self.checkpoint()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """A snapshot of the last commit, from any thread; never waits for a writer."""
        try:
            with self._reading.connect() as connection, connection.begin():
                yield connection
        except DBAPIError as error:
            raise explain(error, writing=False) from error

    def checkpoint(self) -> None:
        """Move the log into the database file, as far as readers allow, without waiting for them."""
        with self.lock():
            raw = self._connection.connection.dbapi_connection
            assert raw is not None
            raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def wipe_log(self, seconds: float) -> bool:
        """Checkpoint everything and cut the log to nothing; False when readers were in the way so long."""
        deadline = time.monotonic() + seconds
        while True:
            with self.lock():
                raw = self._connection.connection.dbapi_connection
                assert raw is not None
                # a reader is waited for outside the lock: nobody's write may wait for it
                raw.execute("PRAGMA busy_timeout = 0")
                busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                raw.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
            if not busy:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)

    def has_log(self) -> bool:
        """Whether the write-ahead log may hold pages that a checkpoint could move."""
        return self._wal_bytes() > 0

    def in_transaction(self) -> bool:
        """Whether the writer's transaction still stands: some errors make SQLite roll it back by itself."""
        raw = self._connection.connection.dbapi_connection
        assert raw is not None
        return bool(raw.in_transaction)

    def close(self) -> None:
        """Close all connections. The last one checkpoints, hence the lock."""
        with self.lock():
            self._connection.close()
            self._reading.dispose()
            self._writing.dispose()
        os.close(self._lock_descriptor)

    def _dispose(self) -> None:
        with contextlib.suppress(LedgerError), self.lock():
            self._reading.dispose()
            self._writing.dispose()
        os.close(self._lock_descriptor)

    def _wal_bytes(self) -> int:
        try:
            return self.path.with_name(self.path.name + "-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def _migrate(self) -> None:
        """Bring the schema to REVISION, in one transaction."""
        with self._connection.begin():
            known = self._connection.exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
            ).scalar()
            found = (
                known and self._connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            )
            if found == REVISION:
                return
            if found and str(found) > REVISION:
                raise LedgerTooNew(
                    f"{self.path} has schema {found}, this release knows {REVISION}: start the newer release."
                )
            # alembic is slow to import and needed only when there is something to do
            from server.ledger.migrate import upgrade

            upgrade(self._connection)


def _engine(path: Path, read_only: bool) -> Engine:
    url = URL.create("sqlite", database=str(path))
    # hide_parameters: an error's text goes to the log, what users said does not
    if read_only:
        engine = create_engine(url, hide_parameters=True, poolclass=QueuePool, pool_size=8, max_overflow=64)
    else:
        engine = create_engine(
            url, hide_parameters=True, poolclass=StaticPool, connect_args={"check_same_thread": False}
        )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, the driver must not
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
            return
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # what is deleted is overwritten with zeros, so that a forgotten user's words leave the file too
        connection.execute("PRAGMA secure_delete = ON").fetchall()
        connection.execute(f"PRAGMA journal_size_limit = {CHECKPOINT_BYTES}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
