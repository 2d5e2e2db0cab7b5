"""The one thread of a process that writes, with group commit.

Calls that wait together share one transaction and one fsync, each in a savepoint of its own: a call that
raises takes back only its own effects. A call that is alone needs none, which saves it two statements.
Nobody is answered before the commit is on disk.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from server.ledger.database import Database, explain
from server.ledger.errors import LedgerClosed, LedgerError
from server.ledger.types import Tx

log = logging.getLogger("livegraft.ledger")

GROUP_LIMIT = 256
IDLE_SECONDS = 1.0


class _Call:
    """One waiting call."""

    __slots__ = ("function", "future", "outcome")

    def __init__(self, function: Callable[[Tx], Any]) -> None:
        self.function = function
        self.future: Future[Any] = Future()
        self.outcome: tuple[Any, BaseException | None] = (None, None)

    def settle(self) -> None:
        value, error = self.outcome
        if error is not None:
            self.future.set_exception(error)
        else:
            self.future.set_result(value)


class Writer:
    """Runs functions on an open transaction, one group at a time."""

    def __init__(self, database: Database, clock: Callable[[], float], tidy: Callable[[Tx], object]) -> None:
        """`tidy` runs in a transaction of its own when nothing was written for a while after a write."""
        self._database = database
        self._clock = clock
        self._tidy = tidy
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._open: Tx | None = None
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    @property
    def current(self) -> Tx | None:
        """The open transaction when asked from within a call on the writer thread, None elsewhere."""
        return self._open if threading.get_ident() == self._thread.ident else None

    def submit(self, function: Callable[[Tx], Any]) -> Future[Any]:
        """Queue a call. Its future is done when its effects are durable, or when it has none."""
        call = _Call(function)
        with self._closing:
            if self._closed:
                raise LedgerClosed
            self._calls.put(call)
        return call.future

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._calls.put(None)
        self._thread.join()

    def _run(self) -> None:
        dirty = False
        while True:
            try:
                first = self._calls.get(timeout=IDLE_SECONDS if dirty else None)
            except queue.Empty:
                dirty = False
                self._idle()
                continue
            group, closing = self._gather(first)
            if group:
                self._commit(group)
                dirty = True
            if closing:
                return

    def _gather(self, call: _Call | None) -> tuple[list[_Call], bool]:
        """The first call and all that wait already; and whether the end of the queue was met."""
        group: list[_Call] = []
        while call is not None:
            # a caller that went away before its turn is not served
            if call.future.set_running_or_notify_cancel():
                group.append(call)
            if len(group) >= GROUP_LIMIT:
                return group, False
            try:
                call = self._calls.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, group: list[_Call]) -> None:
        try:
            with self._database.writing() as connection:
                self._open = Tx(connection, self._clock())
                try:
                    if len(group) == 1:
                        group[0].outcome = (group[0].function(self._open), None)
                    else:
                        for call in group:
                            self._perform(connection, call, self._open)
                finally:
                    self._open = None
        except DBAPIError as error:
            self._fail(group, explain(error, writing=True))
        except BaseException as error:
            # whatever it was, the callers must hear of it and the thread must live
            self._fail(group, error)
        for call in group:
            call.settle()

    def _perform(self, connection: Connection, call: _Call, tx: Tx) -> None:
        """Run one call in its savepoint. Raises only when the whole transaction is lost."""
        savepoint = connection.begin_nested()
        try:
            call.outcome = (call.function(tx), None)
            savepoint.commit()
        except BaseException as error:
            if not self._database.in_transaction():
                raise  # SQLite has rolled everything back (disk full, I/O error): the group is lost
            savepoint.rollback()
            shown = explain(error, writing=True) if isinstance(error, DBAPIError) else error
            call.outcome = (None, shown)

    @staticmethod
    def _fail(group: list[_Call], error: BaseException) -> None:
        for call in group:
            call.outcome = (None, error)

    def _idle(self) -> None:
        """Use the silence: forget old events, empty the log. What fails is tried after the next write."""
        try:
            with self._database.writing() as connection:
                self._tidy(Tx(connection, self._clock()))
            if self._database.has_log():
                self._database.checkpoint()
        except (DBAPIError, LedgerError) as error:
            log.warning("the ledger could not be tidied now, it will be after the next write: %s", error)
