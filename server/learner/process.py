"""The learner's loop: claim allowed edits, train a delta, examine it, record a version. No torch in here.

One `step` is one update. It holds its edits under a lease with a fence: if this process dies the lease runs
out and another takes the same edits; if it was only slow its `finish_update` is refused and changes nothing.
The blob of a delta is written before the ledger's one transaction names it, so a crash in between leaves an
orphan that a later sweep removes, never a version without its bytes.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from adapter_store import Delta, Manifest, Store, StoreError, Version
from server.crash import crash_point
from server.engine.types import EngineError
from server.learner.admission import Refusals, admit
from server.learner.errors import CannotLearn
from server.learner.types import GateReport, Preference, UpdateInput, UpdateResult
from server.ledger import Ledger, LedgerError, StaleFence, VersionTaken
from server.types import BASE_VERSION, EditState, SelfEdit, Update, UpdateState, VersionRow

if TYPE_CHECKING:
    from server.ledger.types import Claim

log = logging.getLogger("livegraft.learner")


class Train(Protocol):
    """What trains: server.learner.update.run, or a double in tests of the loop."""

    def __call__(
        self,
        given: UpdateInput,
        yield_hook: Callable[[], None] | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> UpdateResult: ...


class Examine(Protocol):
    """What examines without training: server.learner.examine.run, or a double in tests of the loop."""

    def __call__(
        self,
        given: UpdateInput,
        yield_hook: Callable[[], None] | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> GateReport: ...


@dataclass(frozen=True, slots=True)
class LearnerOptions:
    """What the operator can set of the learner (server.config fills it)."""

    model_dir: Path
    model_name: str
    base_digest: str
    profile: str = ""
    threads: int = 1
    seed: int = 0
    max_edits_per_update: int = 8
    batch_window_seconds: float = 3.0
    """How long the newest fact may wait for others: fewer updates mean less drift."""
    batch_patience_seconds: float = 20.0
    """The same while further self-edits are being written."""
    lease_seconds: float = 30.0
    max_attempts: int = 2
    """A fact the gate refused this often stays in memory only."""
    preference_pairs: int = 8
    """Corrections that make an update on feedback; 0: never."""
    preference_thumbs: int = 16
    """The same for liked and disliked answers together."""
    poll_seconds: float = 0.5
    memory_limit_mb: int = 0
    """Memory that an update may take beside the base's weights; 0: what is free."""
    hold_seconds: float = 30.0
    """Pause after an update that could not begin, twice as long each time, up to HOLD_AT_MOST_SECONDS."""


HOLD_AT_MOST_SECONDS = 1800.0


_NOT_LEARNED = {
    "fact": "its held-out questions were not answered",
    "preference": "the answer that was wanted is no more likely than before",
}


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
        self._said, self._said_at = ("", 0.0), 0.0
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
        asked = self._ledger.take_run_request()
        if asked is None and time.monotonic() < self._held_until:
            return None
        claim = self._claim(asked)
        if claim is None:
            self._say("idle")
            return None
        self._sweep()
        self._say("training")
        with self._kept_alive(claim):
            try:
                self._update(claim)
                self._hold_seconds, self._held_until = self._options.hold_seconds, 0.0
            except (CannotLearn, StoreError, EngineError) as error:
                self._hold(claim, f"{type(error).__name__}: {error}")
                return self._ledger.updates(1)[0]
            except StaleFence:
                log.warning(
                    "update %s took longer than its lease; another learner has its edits", claim.update_id
                )
            except (LedgerError, OSError) as error:
                self._abort(claim, f"{type(error).__name__}: {error}")
            except Exception as error:
                # The trainer's own exceptions are many (torch, peft); none may lose edits or kill the loop.
                log.exception("update %s failed", claim.update_id)
                self._abort(claim, f"{type(error).__name__}: {error}")
        self._say("idle")
        return self._ledger.updates(1)[0]

    def _examined(self) -> bool:
        """Examine what an operator's order has put together, before anything is trained on it."""
        if self._examine is None:
            return False
        taken = self._ledger.claim_examination(self.owner, self._options.lease_seconds)
        if taken is None:
            return False
        claim, version = taken
        self._say("gating")
        with self._kept_alive(claim), suppress(StaleFence):
            try:
                report = self._examine(
                    self._input(claim.edits, version, (), self._options.seed),
                    yield_hook=self._yield_hook,
                    progress=lambda phase, fraction: self._say(phase, fraction),
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
        parent = self._head()
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
        result = self._train(
            dataclasses.replace(
                self._input(claim.edits, parent, admission.past, self._seed(claim)), attempt=_attempt(claim)
            ),
            yield_hook=self._yield_hook,
            progress=lambda phase, fraction: self._say(phase, fraction),
        )
        crash_point("learner.trained")
        unfit = {id: (EditState.MEMORY_ONLY, why) for id, why in result.refused.items()}
        claim = self._refuse(claim, unfit)
        if not claim.edits:
            return
        self._record(claim, parent, result)

    def _input(
        self, edits: tuple[SelfEdit, ...], parent: VersionRow, past: tuple[SelfEdit, ...], seed: int
    ) -> UpdateInput:
        return UpdateInput(
            model_dir=self._options.model_dir,
            parent_dir=self._parent_dir(parent),
            edits=tuple(edit for edit in edits if edit.kind == "fact"),
            past=past,
            profile=self._options.profile,
            seed=seed,
            threads=self._options.threads,
            memory_limit_mb=self._options.memory_limit_mb,
            preferences=tuple(self._preference(edit) for edit in edits if edit.kind == "preference"),
        )

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

    def _preference(self, edit: SelfEdit) -> Preference:
        said = {example.kind: example.completion for example in edit.examples}
        messages = self._ledger.turn(edit.turn_id).messages
        return Preference(edit.id, edit.user, messages, said.get("chosen", ""), said.get("rejected", ""))

    def _record(self, claim: Claim, parent: VersionRow, result: UpdateResult) -> None:
        returned = dict(self._returned(claim.edits, result))
        if result.factors is None or not result.report.accepted:
            state, reason = self._refusal(result)
            self._ledger.finish_update(claim, state, reason, None, returned=returned)
            log.info("update %s %s: %s", claim.update_id, state, reason)
            return
        learned = [edit.id for edit in claim.edits if edit.id not in returned]
        delta_id = self._store.put(self._delta(claim, parent, result))
        crash_point("learner.blob_put")
        # What was trained but not recalled is in the delta all the same: forgetting must find it there.
        carried = [edit_id for edit_id in returned if edit_id not in result.known]
        version = self._finish(claim, parent, delta_id, result, learned, returned, carried)
        crash_point("learner.recorded")
        log.info("update %s accepted as %s: %d facts", claim.update_id, version.name, len(learned))

    def _finish(
        self,
        claim: Claim,
        parent: VersionRow,
        delta_id: str,
        result: UpdateResult,
        learned: list[str],
        returned: dict[str, tuple[EditState, str]],
        carried: list[str],
    ) -> VersionRow:
        """Record the version under the next free name: a revocation may take one meanwhile."""
        while True:
            version = self._version(parent, delta_id, result.report)
            try:
                self._ledger.finish_update(
                    claim,
                    UpdateState.ACCEPTED,
                    result.report.reason,
                    version,
                    learned=learned,
                    returned=returned,
                    carried=carried,
                )
            except VersionTaken:
                continue
            except StaleFence:
                # no ledger will ever name it, and it may hold what was withdrawn meanwhile
                self._store.delete(delta_id)
                raise
            return version

    def _returned(
        self, edits: tuple[SelfEdit, ...], result: UpdateResult
    ) -> Iterator[tuple[str, tuple[EditState, str]]]:
        """What happens to each edit that this update did not teach."""
        accepted = result.factors is not None and result.report.accepted
        for edit in edits:
            if edit.id in result.known:
                yield edit.id, (EditState.MEMORY_ONLY, "the model knew this already")
            elif accepted and edit.id in result.report.edits_learned:
                continue
            elif edit.attempts + 1 < self._options.max_attempts:
                yield (
                    edit.id,
                    (
                        EditState.ALLOWED,
                        "not learned yet: waits for one more try, at half the rate",
                    ),
                )
            else:
                why = result.aborted or (_NOT_LEARNED[edit.kind] if accepted else result.report.reason)
                yield edit.id, (EditState.MEMORY_ONLY, f"tried {edit.attempts + 1} times, not learned: {why}")

    @staticmethod
    def _refusal(result: UpdateResult) -> tuple[UpdateState, str]:
        if result.aborted:
            return UpdateState.ABORTED, result.aborted
        if result.factors is None and result.known:
            return UpdateState.NOTHING_TO_DO, "the model knew every fact already"
        return UpdateState.REJECTED, result.report.reason

    def _delta(self, claim: Claim, parent: VersionRow, result: UpdateResult) -> Delta:
        assert result.factors is not None
        factors = result.factors
        return Delta(
            Manifest(
                base_digest=self._options.base_digest,
                base_model=self._options.model_name,
                rank=factors.rank,
                alpha=factors.alpha,
                modules=tuple(sorted(factors.a)),
                provenance={
                    **result.provenance,
                    "parent": parent.name,
                    "update": claim.update_id,
                    "edits": [edit.id for edit in claim.edits],
                    "turns": sorted({edit.turn_id for edit in claim.edits}),
                },
            ),
            a=factors.a,
            b=factors.b,
        )

    def _version(self, parent: VersionRow, delta_id: str, report: GateReport) -> VersionRow:
        name = self._ledger.next_version_name()
        deltas = (*parent.deltas, delta_id)
        return VersionRow(
            name=name,
            digest=self._store.digest(Version(name, self._options.base_digest, deltas)),
            deltas=deltas,
            parent=parent.name,
            created_at=time.time(),
            gate=dataclasses.asdict(report),
        )

    def _head(self) -> VersionRow:
        """The version that the next delta is trained on: the newest that waits to be shown after the canary,
        or after stable where no canary lives. Trained on less, it could never follow what is shown before it.
        """
        refs = self._ledger.refs()
        name = refs.canary or refs.stable
        for version in self._ledger.versions_waiting():
            if version.parent == name:
                name = version.name
        if name == BASE_VERSION:
            return VersionRow(BASE_VERSION, "", (), "", 0.0)
        return self._ledger.version(name)

    def _parent_dir(self, parent: VersionRow) -> Path | None:
        if not parent.deltas:
            return None
        return self._store.compose(Version(parent.name, self._options.base_digest, parent.deltas))

    def _seed(self, claim: Claim) -> int:
        """Another seed for a second try, the same for the same attempt at the same edits."""
        return self._options.seed + _attempt(claim)

    def _abort(self, claim: Claim, reason: str) -> None:
        tried: dict[str, tuple[EditState, str]] = {
            edit.id: (EditState.ALLOWED, f"the update was aborted: {reason}")
            if edit.attempts + 1 < self._options.max_attempts
            else (EditState.MEMORY_ONLY, f"tried {edit.attempts + 1} times: {reason}")
            for edit in claim.edits
        }
        try:
            self._ledger.finish_update(claim, UpdateState.ABORTED, reason, None, returned=tried)
        except StaleFence:
            log.warning("update %s was taken over before it could be recorded as aborted", claim.update_id)

    @contextmanager
    def _kept_alive(self, claim: Claim) -> Iterator[None]:
        """Renew the lease from a thread while the update runs."""
        done = threading.Event()

        def beat() -> None:
            while not done.wait(self._options.lease_seconds / 3):
                try:
                    self._ledger.heartbeat_claim(claim, self._options.lease_seconds)
                except LedgerError:
                    return  # lost: finish_update will refuse

        thread = threading.Thread(target=beat, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _say(self, state: str, fraction: float = 0.0, reason: str = "") -> None:
        """Tell what is going on, at once when it changes, else once a second: each is a commit to disk."""
        now = time.monotonic()
        if (state, fraction) == self._said or (state == self._said[0] and now - self._said_at < 1.0):
            return
        self._said, self._said_at = (state, fraction), now
        status = {"state": state, "fraction": round(fraction, 3), "pid": os.getpid(), "reason": reason}
        self._ledger.set_learner_status(status)


def _attempt(claim: Claim) -> int:
    """How often the fact that was tried most was tried before."""
    return max((edit.attempts for edit in claim.edits), default=0)
