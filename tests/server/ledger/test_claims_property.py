"""Any sequence of claims, deaths, expiries, late finishes and withdrawals keeps the ledger's promises."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.ledger import Claim, Ledger, StaleFence
from server.types import EditState, UpdateState
from tests.support.rows import Clock, make_edit, make_turn, make_version

LEASE_SECONDS = 30.0


class Claims(RuleBasedStateMachine):
    """Two learners that may be slow or dead at any time, one person, one clock."""

    template: Path | None = None

    @initialize(edits=st.integers(1, 5))
    def start(self, edits: int) -> None:
        self.home = Path(tempfile.mkdtemp())
        if Claims.template is None:
            Claims.template = Path(tempfile.mkdtemp()) / "ledger.db"
            Ledger.open(Claims.template.parent).close()
        shutil.copy(Claims.template, self.home)
        self.clock = Clock()
        self.ledger = Ledger.open(self.home, self.clock)
        self.ledger.add_turn(make_turn("t"), True)
        job = self.ledger.claim_job("edit", "editor", 60.0)
        assert job is not None
        self.ledger.finish_edit_job(job, [(make_edit(f"e{n}", "t"), ()) for n in range(edits)])
        self.claims: list[Claim] = []
        self.finished: set[str] = set()
        self.withdrawn: set[str] = set()

    @rule(owner=st.sampled_from(["one", "two"]), limit=st.integers(1, 3))
    def claim(self, owner: str, limit: int) -> None:
        claim = self.ledger.claim_edits(owner, LEASE_SECONDS, limit)
        if claim is not None:
            assert all(claim.fence > old.fence for old in self.claims), "fences only grow"
            self.claims.append(claim)

    @rule(seconds=st.sampled_from([1.0, 20.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @precondition(lambda self: self.claims)
    @rule(pick=st.sampled_from([-1, -1, -2, 0]), accept=st.booleans())
    def finish(self, pick: int, accept: bool) -> None:
        claim = self.claims[max(pick, -len(self.claims))]
        ids = [edit.id for edit in claim.edits]
        before = self.ledger.edits("t")
        try:
            if accept:
                name = self.ledger.next_version_name()
                row = make_version(name, (f"delta of {claim.update_id}",))
                self.ledger.finish_update(claim, UpdateState.ACCEPTED, "", row, learned=ids)
            else:
                back = dict.fromkeys(ids, (EditState.ALLOWED, "again"))
                self.ledger.finish_update(claim, UpdateState.REJECTED, "", None, returned=back)
        except StaleFence:
            assert self.ledger.edits("t") == before, "a refused finish changes nothing"
        else:
            assert claim.update_id not in self.finished, "no claim finishes twice"
            assert claim is self.claims[-1], "no old holder finishes"
            self.finished.add(claim.update_id)

    @precondition(lambda self: len(self.claims) > len(self.finished))
    @rule(owner=st.sampled_from(["one", "two"]))
    def die(self, owner: str) -> None:
        self.ledger.release_owner(owner)

    @precondition(lambda self: self.claims)
    @rule(pick=st.integers(0, 4))
    def withdraw(self, pick: int) -> None:
        edits = self.ledger.edits("t")
        edit = edits[pick % len(edits)]
        if edit.state is not EditState.TRAINED:
            self.ledger.set_edit_state(edit.id, EditState.REVOKED, "withdrawn", actor="ann")
            self.withdrawn.add(edit.id)

    @invariant()
    def no_edit_is_in_two_deltas_and_every_trained_one_is_in_one(self) -> None:
        deltas = [self.ledger.delta(row.deltas[-1]) for row in self.ledger.versions()]
        carried = Counter(edit for delta in deltas for edit in delta.edits)
        trained = {edit.id for edit in self.ledger.edits("t") if edit.state is EditState.TRAINED}
        assert carried == Counter(dict.fromkeys(trained, 1))

    @invariant()
    def what_a_person_withdrew_stays_withdrawn(self) -> None:
        states = {self.ledger.edit(edit_id).state for edit_id in self.withdrawn}
        assert states <= {EditState.REVOKED}

    @invariant()
    def a_claimed_edit_belongs_to_the_one_running_update(self) -> None:
        running = [u for u in self.ledger.updates(1_000) if u.state is UpdateState.RUNNING]
        claimed = {edit.id for edit in self.ledger.edits("t") if edit.state is EditState.CLAIMED}
        assert len(running) <= 1
        if claimed:
            assert claimed <= {edit.id for edit in self.claims[-1].edits}
            assert running[0].id == self.claims[-1].update_id

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            shutil.rmtree(self.home)


Claims.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking a sequence of commits takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)
TestClaims = Claims.TestCase
