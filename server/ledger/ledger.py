"""The ledger: every method is one transaction, durable when it returns, callable from any thread.

The methods are the functions of turns, jobs, edits, updates, versions, refs, rollouts, audit, values and
lineage, with their first argument (the transaction) filled in; read their docstrings there. Called within
another method on the writer thread they join its transaction.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from server.ledger import alarms as _alarms
from server.ledger import audit as _audit
from server.ledger import audit_check as _audit_check
from server.ledger import digests as _digests
from server.ledger import edits as _edits
from server.ledger import evidence as _evidence
from server.ledger import examinations as _examinations
from server.ledger import forgetting as _forgetting
from server.ledger import fragments as _fragments
from server.ledger import jobs as _jobs
from server.ledger import lineage as _lineage
from server.ledger import preferences as _preferences
from server.ledger import quarantine as _quarantine
from server.ledger import refs as _refs
from server.ledger import removal as _removal
from server.ledger import retention as _retention
from server.ledger import reviews as _reviews
from server.ledger import rollouts as _rollouts
from server.ledger import serving as _serving
from server.ledger import signals as _signals
from server.ledger import turns as _turns
from server.ledger import updates as _updates
from server.ledger import values as _values
from server.ledger import versions as _versions
from server.ledger.database import Database, locate, sqlite_note
from server.ledger.errors import LedgerClosed
from server.ledger.types import Tx
from server.ledger.writer import Writer

log = logging.getLogger("livegraft.ledger")
P = ParamSpec("P")
R = TypeVar("R")


class _Bound(ABC, Generic[P, R]):
    """A function of a transaction as a method of the ledger."""

    def __init__(self, function: Callable[Concatenate[Tx, P], R]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, ledger: None, owner: type[Ledger]) -> Self: ...
    @overload
    def __get__(self, ledger: Ledger, owner: type[Ledger]) -> Callable[P, R]: ...
    def __get__(self, ledger: Ledger | None, owner: type[Ledger]) -> Self | Callable[P, R]:
        if ledger is None:
            return self
        run = self._run

        def method(*args: P.args, **kwargs: P.kwargs) -> R:
            return run(ledger, lambda tx: self.function(tx, *args, **kwargs))

        method.__name__ = method.__qualname__ = getattr(self.function, "__name__", "method")
        method.__doc__ = self.function.__doc__
        return method

    @abstractmethod
    def _run(self, ledger: Ledger, call: Callable[[Tx], R]) -> R:
        """Run `call` in a transaction of the ledger."""


class _Write(_Bound[P, R]):
    def _run(self, ledger: Ledger, call: Callable[[Tx], R]) -> R:
        return ledger.write(call)


class _Read(_Bound[P, R]):
    def _run(self, ledger: Ledger, call: Callable[[Tx], R]) -> R:
        return ledger.read(call)


class Ledger:
    """Open it with `Ledger.open`. Any number of processes may have the same ledger open."""

    add_turn = _Write(_turns.add_turn)
    turn = _Read(_turns.turn)
    turns = _Read(_turns.turns)
    duplicate_of = _Read(_turns.duplicate_of)
    add_feedback = _Write(_turns.add_feedback)
    feedback = _Read(_turns.feedback)
    turn_in = _Read(_turns.turn_in)
    signals_due = _Read(_signals.signals_due)
    derive_signals = _Write(_signals.derive_signals)
    signals = _Read(_signals.signals)
    signal_units = _Read(_signals.signal_units)

    add_job = _Write(_jobs.add_job)
    count_open_jobs = _Read(_jobs.count_open)
    job_due = _Read(_jobs.job_due)
    claim_job = _Write(_jobs.claim_job)
    heartbeat_job = _Write(_jobs.heartbeat_job)
    release_job = _Write(_jobs.release_job)
    fail_job = _Write(_jobs.fail_job)
    finish_edit_job = _Write(_jobs.finish_edit_job)
    finish_preference_job = _Write(_preferences.finish_preference_job)

    edits = _Read(_edits.edits)
    edit = _Read(_edits.edit)
    edits_in = _Read(_edits.edits_in)
    private_edits = _Read(_edits.private_edits)
    standings = _Read(_edits.standings)
    verdicts = _Read(_edits.verdicts)
    count_pending = _Read(_edits.count_pending)
    newest_edit_at = _Read(_edits.newest_edit_at)
    set_edit_state = _Write(_edits.set_edit_state)
    rewrite_edit = _Write(_edits.rewrite_edit)

    supporters = _Read(_fragments.supporters)
    verified = _Read(_fragments.verified)
    told = _Read(_fragments.told)
    find_reviews = _Read(_reviews.find_reviews)
    review_counts = _Read(_reviews.review_counts)
    approvals = _Read(_reviews.approvals)
    approve_first = _Write(_reviews.approve_first)
    mark_spot_checks = _Write(_reviews.mark_spot_checks)
    spot_check = _Write(_reviews.spot_check)
    open_spot_checks = _Read(_reviews.open_spot_checks)
    spot_check_is_open = _Read(_reviews.spot_check_is_open)
    settle_spot_check = _Write(_reviews.settle_spot_check)
    deltas_of_edit = _Read(_reviews.deltas_of_edit)

    note_quarantine = _Write(_quarantine.note_quarantine)
    quarantined_since = _Read(_reviews.since)
    expire = _Write(_quarantine.expire)
    judged_long_ago = _Read(_quarantine.judged_long_ago)
    told_since = _Read(_quarantine.told_since)
    looked_to = _Read(_quarantine.looked_to)
    set_looked_to = _Write(_quarantine.set_looked_to)
    newest_news = _Read(_quarantine.newest_news)
    judged_again = _Write(_quarantine.judged_again)
    note_policy = _Write(_quarantine.note_policy)
    erase_untaught = _Write(_retention.erase_untaught)

    claim_edits = _Write(_updates.claim_edits)
    claim_preferences = _Write(_preferences.claim_preferences)
    waiting_preferences = _Read(_preferences.waiting_preferences)
    claim_consolidation = _Write(_updates.claim_consolidation)
    heartbeat_claim = _Write(_updates.heartbeat_claim)
    finish_update = _Write(_updates.finish_update)
    refuse_edits = _Write(_updates.refuse_edits)
    release_claim = _Write(_updates.release_claim)
    release_expired = _Write(_updates.release_expired)
    release_owner = _Write(_updates.release_owner)
    updates = _Read(_updates.updates)
    consolidations_since = _Read(_updates.consolidations_since)
    trained_edits = _Read(_updates.trained_edits)
    carried_edits = _Read(_updates.carried_edits)
    update_of = _Read(_updates.update_of)
    request_run = _Write(_updates.request_run)
    requested_run = _Read(_updates.requested_run)
    take_run_request = _Write(_updates.take_run_request)

    claim_examination = _Write(_examinations.claim_examination)
    finish_examination = _Write(_examinations.finish_examination)
    fail_examination = _Write(_examinations.fail_examination)

    versions = _Read(_versions.versions)
    version = _Read(_versions.version)
    next_version_name = _Read(_versions.next_version_name)
    add_version = _Write(_versions.add_version)
    versions_shown = _Read(_versions.versions_shown)
    versions_waiting = _Read(_versions.versions_waiting)
    delta = _Read(_versions.delta)
    servable = _Read(_versions.servable)
    erased_versions = _Read(_versions.erased_versions)
    holding = _Read(_removal.holding)
    withdraw_waiting = _Write(_removal.withdraw_waiting)
    drop_version = _Write(_removal.drop_version)
    requeue_stranded = _Write(_removal.requeue_stranded)
    set_edits_of = _Write(_versions.set_edits_of)
    quarantine_edits_of = _Write(_versions.quarantine_edits_of)

    refs = _Read(_refs.refs)
    move_ref = _Write(_refs.move_ref)
    previous_stable = _Read(_refs.previous_stable)
    rollout = _Read(_rollouts.rollout)
    rollouts = _Read(_rollouts.rollouts)
    serving = _Read(_serving.serving)
    ends_without_verdict = _Read(_rollouts.ends_without_verdict)
    rollouts_by_state = _Read(_rollouts.rollouts_by_state)
    start_rollout = _Write(_rollouts.start_rollout)
    update_rollout = _Write(_rollouts.update_rollout)
    end_rollout = _Write(_rollouts.end_rollout)

    rollout_counts = _Read(_evidence.rollout_counts)
    rollout_evidence = _Read(_evidence.counted)
    rollout_news = _Read(_evidence.news)
    count_rollout = _Write(_evidence.count)
    add_decision = _Write(_evidence.add_decision)
    decisions = _Read(_evidence.decisions)
    replayable = _Read(_evidence.replayable)
    past_drifts = _Read(_evidence.past_drifts)
    users_met = _Read(_evidence.users_met)

    deltas_of_user = _Read(_forgetting.deltas_of_user)
    erase_user = _Write(_forgetting.erase_user)
    forgotten = _Read(_forgetting.forgotten)
    to_erase = _Read(_forgetting.to_erase)
    set_erased = _Write(_forgetting.set_erased)

    audit = _Read(_audit.audit)
    audit_head = _Read(_audit_check.head)
    verify_audit = _Read(_audit_check.verify_audit)
    events_since = _Read(_audit.events_since)
    events_of = _Read(_audit.events_of)
    last_event_id = _Read(_audit.last_event_id)
    first_event_id = _Read(_audit.first_event_id)
    alarms_told = _Read(_alarms.alarms_told)
    tell_alarms = _Write(_alarms.tell_alarms)
    lineage = _Read(_lineage.lineage)
    example_digests = _Write(_digests.example_digests)

    paused = _Read(_values.is_paused)
    set_paused = _Write(_values.set_paused)
    learner_status = _Read(_values.learner_status)
    set_learner_status = _Write(_values.set_learner_status)
    installation = _Write(_values.installation)
    batch_population = _Read(_values.batch_population)
    add_batch_population = _Write(_values.add_batch_population)
    acquire_lease = _Write(_values.acquire_lease)
    release_lease = _Write(_values.release_lease)
    counts = _Read(_values.counts)

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self._clock = clock
        self._database = Database(path)
        self._writer = Writer(self._database, clock, _audit.forget_events)
        self._closed = False
        # an interpreter that just ends would close, and so checkpoint, without the lock
        self._at_exit = _closer(weakref.ref(self))
        atexit.register(self._at_exit)

    @classmethod
    def open(cls, home_or_url: str | Path, clock: Callable[[], float] = time.time) -> Ledger:
        """Open the ledger of a home folder (or a sqlite:/// address), made and migrated when need be.

        Raises UnsupportedDatabase, LedgerTooNew, LedgerDamaged, or LedgerError when it cannot be opened.
        """
        opened = cls(locate(home_or_url), clock)
        if sqlite_note():
            log.info(sqlite_note())
        return opened

    def write(self, function: Callable[[Tx], R]) -> R:
        """Run several changes as one transaction; durable on return. Blocks: not for an event loop."""
        tx = self._writer.current
        if tx is not None:
            return function(tx)
        result: R = self._writer.submit(function).result()
        return result

    def read(self, function: Callable[[Tx], R]) -> R:
        """Run several reads on one snapshot. Never waits for writers."""
        tx = self._writer.current
        if tx is not None:
            return function(tx)
        if self._closed:
            raise LedgerClosed
        with self._database.reading() as connection:
            return function(Tx(connection, self._clock()))

    async def call(self, method: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a method of this ledger on its writer thread, in a group commit with others that wait.

        Returns when the commit is on disk. Methods called within join the transaction. If the caller is
        cancelled the write may still happen.
        """
        result: R = await asyncio.wrap_future(self._writer.submit(lambda _tx: method(*args, **kwargs)))
        return result

    def wipe_log(self, seconds: float = 10.0) -> bool:
        """Move the write-ahead log into the database and empty it, so that no deleted byte stays in it.

        False when readers kept it in use for that long: try again later. Blocks: not for an event loop.
        """
        return self._database.wipe_log(seconds)

    def close(self) -> None:
        """Finish the writes that wait and close the file. Twice is no error."""
        if self._closed:
            return
        self._writer.close()
        self._closed = True
        self._database.close()
        atexit.unregister(self._at_exit)


def _closer(ledger: weakref.ref[Ledger]) -> Callable[[], None]:
    def close() -> None:
        opened = ledger()
        if opened is not None:
            opened.close()

    return close
