"""The learner's loop: claim allowed edits, train a delta, examine it, record a version. No torch in here.

One `step` is one update, or the consolidation (server.learner.sleep) that must come before it. It holds
its edits under a lease with a fence: if this process dies the lease runs out and another takes the same
edits; if it was only slow its `finish_update` is refused and changes nothing.
The blob of a delta is written before the ledger's one transaction names it, so a crash in between leaves an
orphan that a later sweep removes, never a version without its bytes.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from adapter_store import Store, StoreError
from server.crash import crash_point
from server.engine.types import EngineError
from server.learner import record, sleep
from server.learner.admission import admit, newest
from server.learner.errors import CannotLearn
from server.learner.inputs import Inputs
from server.learner.lease import kept_alive
from server.learner.record import LearnerOptions
from server.learner.repeats import Refusals
from server.learner.status import Status
from server.learner.types import Consolidation, Examine, Train, UpdateInput, UpdateResult
from server.ledger import Ledger, LedgerError, StaleFence, VersionTaken
from server.ledger.updates import WITHDRAWN
from server.types import EditState, SelfEdit, Update, UpdateState, VersionRow

if TYPE_CHECKING:
    from server.ledger.types import Claim

log = logging.getLogger("livegraft.learner")


HOLD_AT_MOST_SECONDS = 1800.0


def owner_name(pid: int) -> str:
    """Who holds the claims of a learner process: its parent gives them back when it dies."""
    return f"learner-{pid}"


class Learner:
    """Runs updates one after another against one ledger and one store."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        options: LearnerOptions,
        train: Train,
        yield_hook: Callable[[], None] | None = None,
        examine: Examine | None = None,
    ) -> None:
        self._examine = examine
        self._swept = False
        self._ledger = ledger
        self._store = store
        self._options = options
        self._train = train
        self._yield_hook = yield_hook
        self._inputs = Inputs(ledger, store, options)
        self._say = Status(ledger).say
        self._hold_seconds, self._held_until = options.hold_seconds, 0.0
        self.owner = owner_name(os.getpid())

    def step(self) -> Update | None:
        """Run one update if there is something to learn and nobody paused us; None otherwise."""
        self._ledger.release_expired()
        if self._ledger.paused():
            self._say("paused")
            return None
        if self._examined():
            self._say("idle")
            return self._ledger.updates(1)[0]
        head = self._inputs.head()
        need = self._need(head)
        if need and not need.refusal:
            return None if time.monotonic() < self._held_until else self._consolidate(head, need)
        asked = self._ledger.take_run_request()
        if need and need.held:
            return self._full(need.held, asked)
        if asked is None and time.monotonic() < self._held_until:
            return None
        claim = self._claim(asked)
        if claim is None:
            self._say("idle")
            return None
        return self._run(claim, lambda: self._update(claim))

    def _run(self, claim: Claim, work: Callable[[], None]) -> Update:
        """Do the work of a claim; whatever goes wrong with it stands on the update's row."""
        self._sweep()
        self._say("training")
        with kept_alive(self._ledger, claim, self._options.lease_seconds):
            try:
                work()
                self._hold_seconds, self._held_until = self._options.hold_seconds, 0.0
            except (CannotLearn, StoreError, EngineError) as error:
                self._hold(claim, f"{type(error).__name__}: {error}")
                return self._ledger.updates(1)[0]
            except StaleFence as lost:
                self._let_go(claim, str(lost))
            except (LedgerError, OSError) as error:
                self._abort(claim, f"{type(error).__name__}: {error}")
            except Exception as error:
                # The trainer's own exceptions are many (torch, peft); none may lose edits or kill the loop.
                log.exception("update %s failed", claim.update_id)
                self._abort(claim, f"{type(error).__name__}: {error}")
        self._say("idle")
        return self._ledger.updates(1)[0]

    def _need(self, head: VersionRow) -> sleep.Need | None:
        limits = sleep.Limits(self._options.max_rank, self._options.consolidate_every)
        return sleep.need(self._ledger, self._store, self._options.base_digest, head, limits)

    def _full(self, reason: str, asked: str | None) -> Update | None:
        """Learn nothing, say why; a run that was asked for is answered with the reason."""
        self._say("held", reason=reason)
        if asked is None:
            return None
        claim = self._ledger.claim_edits(self.owner, self._options.lease_seconds, 0, asked)
        if claim is not None:
            self._ledger.finish_update(claim, UpdateState.ABORTED, reason, None)
        return self._ledger.updates(1)[0]

    def _consolidate(self, head: VersionRow, need: sleep.Need) -> Update | None:
        carried = self._ledger.carried_edits(head)
        standing = newest(self._ledger.trained_edits(head))
        claim = self._ledger.claim_consolidation(self.owner, self._options.lease_seconds, len(standing))
        if claim is None:
            return None
        log.info("update %s: consolidates %d facts, because %s", claim.update_id, len(standing), need.why)
        return self._run(claim, lambda: self._sleep(claim, head, need, carried, standing))

    def _sleep(
        self,
        claim: Claim,
        head: VersionRow,
        need: sleep.Need,
        carried: list[SelfEdit],
        standing: list[SelfEdit],
    ) -> None:
        crash_point("learner.claimed")
        whole = not any(edit.state in WITHDRAWN for edit in carried)
        plan = Consolidation(self._options.max_rank, need.attempt, whole, need.drifted)
        given = self._inputs.on(head, standing, (), need.attempt)
        result = self._trained(dataclasses.replace(given, consolidation=plan))
        if result.factors is None or not result.report.accepted:
            why = f"{result.report.reason}; the stack stays ({need.why})"
            self._ledger.finish_update(claim, UpdateState.REJECTED, why, None, report=record.counted(result))
            log.warning("update %s: the consolidation was refused: %s", claim.update_id, why)
            return
        holds = [edit.id for edit in (carried if whole else standing)]
        delta_id = self._store.put(record.delta(self._options, claim, head, result, standing))
        crash_point("learner.blob_put")
        reason = f"{result.report.reason}; consolidated because {need.why}"
        version = self._finish(claim, head, (delta_id,), result, reason, carried=holds)
        crash_point("learner.recorded")
        log.info("update %s consolidated %s as %s", claim.update_id, head.name, version.name)

    def _examined(self) -> bool:
        """Examine what an operator's order has put together, before anything is trained on it."""
        if self._examine is None:
            return False
        taken = self._ledger.claim_examination(self.owner, self._options.lease_seconds)
        if taken is None:
            return False
        claim, version = taken
        self._say("gating")
        with kept_alive(self._ledger, claim, self._options.lease_seconds), suppress(StaleFence):
            try:
                report = self._examine(
                    self._inputs.on(version, claim.edits, ()),
                    yield_hook=self._yield_hook,
                    progress=self._say,
                )
                lost = self._ledger.finish_examination(
                    claim, version.name, dataclasses.asdict(report), frozenset(report.edits_learned)
                )
                log.info("%s was examined: %s; %d facts lost", version.name, report.reason, len(lost))
            except StaleFence:
                log.warning("the examination of %s was ended by somebody else", version.name)
            except Exception as error:
                # torch and peft raise what they like: none of it may kill the loop or be tried for ever
                log.exception("%s could not be examined", version.name)
                said = f"{type(error).__name__}: {error}"
                self._ledger.fail_examination(claim, version.name, said)
        return True

    def run(self, alive: Callable[[], bool]) -> None:
        """Step for ever, or until `alive` says the parent is gone."""
        while alive():
            if self.step() is None:
                time.sleep(self._options.poll_seconds)

    def _sweep(self) -> None:
        """Once, holding the only claim: a blob that the ledger does not name is a killed run's, and may hold
        facts of somebody who was forgotten since."""
        if self._swept:
            return
        versions = [row for row in self._ledger.versions() if not row.erased]
        named = {row.name for row in versions} | {delta for row in versions for delta in row.deltas}
        for path in self._store.sweep(named, grace_seconds=0):
            log.info("swept %s, which no version names", path)
        self._swept = True

    def _claim(self, asked: str | None) -> Claim | None:
        """Facts first; feedback when there is enough of it and no fact waits."""
        options = self._options
        if asked is None and not self._window_closed():
            pairs, thumbs = options.preference_pairs, options.preference_thumbs
            return self._ledger.claim_preferences(self.owner, options.lease_seconds, pairs, thumbs)
        return self._ledger.claim_edits(
            self.owner, options.lease_seconds, options.max_edits_per_update, asked
        )

    def _window_closed(self) -> bool:
        pending = self._ledger.edits_in(EditState.ALLOWED, self._options.max_edits_per_update, "fact")
        if not pending:
            return False
        if len(pending) >= self._options.max_edits_per_update:
            return True
        writing = self._ledger.count_open_jobs("edit") > 0
        patience = self._options.batch_patience_seconds if writing else self._options.batch_window_seconds
        return time.time() - self._ledger.newest_edit_at() >= patience

    def _update(self, claim: Claim) -> None:
        parent = self._inputs.head()
        if not claim.edits:
            self._ledger.finish_update(claim, UpdateState.NOTHING_TO_DO, "no allowed edits are waiting", None)
            return
        crash_point("learner.claimed")
        past = tuple(self._ledger.trained_edits(parent))
        standing = self._ledger.standings([edit.id for edit in (*claim.edits, *past)])
        admission = admit([e for e in claim.edits if e.kind == "fact"], past, standing)
        claim = self._refuse(claim, admission.refused)
        if not claim.edits:
            return
        log.info("update %s: %d self-edits on top of %s", claim.update_id, len(claim.edits), parent.name)
        given = self._inputs.on(parent, claim.edits, admission.past, _attempt(claim))
        result = self._trained(dataclasses.replace(given, attempt=self._refusals(claim, parent)))
        if not _attempt(claim):  # a second try is no new measurement
            self._ledger.add_batch_population(dataclasses.asdict(result.measured))
        unfit = {id: (EditState.MEMORY_ONLY, why) for id, why in result.refused.items()}
        claim = self._refuse(claim, unfit | result.held_back)
        if not claim.edits:
            return
        self._record(claim, parent, result)

    def _trained(self, given: UpdateInput) -> UpdateResult:
        result = self._train(
            given,
            yield_hook=self._yield_hook,
            progress=self._say,
        )
        crash_point("learner.trained")
        return result

    def _refuse(self, claim: Claim, refused: Refusals) -> Claim:
        """Send edits away that this update must not train; it ends here when none is left."""
        if not refused:
            return claim
        for edit_id, (state, why) in refused.items():
            log.info("update %s: edit %s goes to %s: %s", claim.update_id, edit_id[:12], state, why)
        claim = self._ledger.refuse_edits(claim, refused)
        if not claim.edits:
            reasons = "; ".join(dict.fromkeys(why for _, why in refused.values()))
            self._ledger.finish_update(
                claim, UpdateState.REJECTED, f"no fact may be trained: {reasons}", None
            )
        return claim

    def _hold(self, claim: Claim, reason: str) -> None:
        """Give the edits back unharmed and wait: it is not they that keep the update from running."""
        log.error("learning is held for %.0f s: %s", self._hold_seconds, reason)
        self._held_until = time.monotonic() + self._hold_seconds
        self._hold_seconds = min(2 * self._hold_seconds, HOLD_AT_MOST_SECONDS)
        try:
            self._ledger.release_claim(claim, reason)
        except StaleFence:
            log.warning("update %s was taken over before it could be given back", claim.update_id)
        self._say("held", reason=reason)

    def _record(self, claim: Claim, parent: VersionRow, result: UpdateResult) -> None:
        returned = dict(record.returned(claim.edits, result, self._options.max_attempts))
        if result.factors is None or not result.report.accepted:
            state, reason = record.refusal(result)
            counted = record.counted(result)
            self._ledger.finish_update(claim, state, reason, None, returned=returned, report=counted)
            log.info("update %s %s: %s", claim.update_id, state, reason)
            return
        learned = [edit.id for edit in claim.edits if edit.id not in returned]
        delta_id = self._store.put(record.delta(self._options, claim, parent, result, claim.edits))
        crash_point("learner.blob_put")
        # What was trained but not recalled is in the delta all the same: forgetting must find it there.
        carried = [edit_id for edit_id in returned if edit_id not in result.known]
        version = self._finish(
            claim,
            parent,
            (*parent.deltas, delta_id),
            result,
            result.report.reason,
            learned=learned,
            returned=returned,
            carried=carried,
        )
        crash_point("learner.recorded")
        log.info("update %s accepted as %s: %d facts", claim.update_id, version.name, len(learned))

    def _finish(
        self,
        claim: Claim,
        parent: VersionRow,
        deltas: tuple[str, ...],
        result: UpdateResult,
        reason: str,
        learned: Sequence[str] = (),
        returned: dict[str, tuple[EditState, str]] | None = None,
        carried: Sequence[str] = (),
    ) -> VersionRow:
        """Record the version under the next free name: a revocation may take one meanwhile."""
        while True:
            name = self._ledger.next_version_name()
            base = self._options.base_digest
            version = record.version(self._store, base, name, parent, deltas, result.report)
            try:
                self._ledger.finish_update(
                    claim,
                    UpdateState.ACCEPTED,
                    reason,
                    version,
                    learned=learned,
                    returned=returned,
                    carried=carried,
                )
            except VersionTaken:
                continue
            except StaleFence:
                # no ledger will ever name it, and it may hold what was withdrawn meanwhile
                self._store.delete(deltas[-1])
                raise
            return version

    def _refusals(self, claim: Claim, parent: VersionRow) -> int:
        """How often the fact that was refused most was refused. What the parent's deltas carry was in an
        update that did no harm and was not recalled afterwards: that asks for no calmer recipe."""
        carried = {edit.id for edit in self._ledger.carried_edits(parent)}
        return max((edit.attempts - (edit.id in carried) for edit in claim.edits), default=0)

    def _let_go(self, claim: Claim, reason: str) -> None:
        """Give the edits back where one was withdrawn under us; where the lease was lost they are gone."""
        log.warning("update %s may not be recorded: %s", claim.update_id, reason)
        with suppress(StaleFence):
            self._ledger.release_claim(claim, reason)

    def _abort(self, claim: Claim, reason: str) -> None:
        tried: dict[str, tuple[EditState, str]] = {
            edit.id: (EditState.ALLOWED, f"the update was aborted: {reason}")
            if edit.attempts + 1 < self._options.max_attempts
            else (EditState.MEMORY_ONLY, f"tried {edit.attempts + 1} times: {reason}")
            for edit in claim.edits
        }
        # A consolidation, which claims no edits, was refused by what went wrong: it has so many tries.
        state = UpdateState.ABORTED if claim.edits else UpdateState.REJECTED
        try:
            self._ledger.finish_update(claim, state, reason, None, returned=tried)
        except StaleFence:
            log.warning("update %s was taken over before it could be recorded as aborted", claim.update_id)


def _attempt(claim: Claim) -> int:
    """How often the fact that was tried most was tried before."""
    return max((edit.attempts for edit in claim.edits), default=0)
