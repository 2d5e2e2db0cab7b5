"""Any sequence of learning, showing, rolling back, revoking, forgetting and restarting keeps the promises."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from server.ledger import UnknownUser
from server.rollout import NothingToMove, fleet
from server.types import BASE_VERSION, EditState, TurnState
from tests.support.served import make_served

T = TypeVar("T")
USERS = ["ana", "ben", "carla"]


class TakingBack(RuleBasedStateMachine):
    """Three users, one operator, one server that may be restarted at any time."""

    @initialize()
    def start(self) -> None:
        self.settle, fleet.SETTLE_SECONDS = fleet.SETTLE_SECONDS, 0.0
        self.home = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.world = self.run(make_served(self.home))
        self.told: dict[str, str] = {}
        self.count = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @rule(user=st.sampled_from(USERS), facts=st.integers(1, 2))
    def tell(self, user: str, facts: int) -> None:
        for _ in range(facts):
            self.count += 1
            self.told[self.world.tell(f"R{self.count}", self.count, user).id] = user

    @rule()
    def learn(self) -> None:
        self.world.train()

    @rule()
    def show(self) -> None:
        self.run(self.world.loop.step())

    @rule(user=st.sampled_from(USERS))
    def tell_learn_and_promote(self, user: str) -> None:
        self.tell(user, 1)
        self.learn()
        self.show()
        self.show()

    @rule()
    def roll_back(self) -> None:
        with suppress(NothingToMove):
            self.run(self.world.moves.rollback(None, "op", ""))

    @precondition(lambda self: self.world.ledger.versions())
    @rule(pick=st.integers(0, 20))
    def revoke(self, pick: int) -> None:
        deltas = sorted({d for row in self.world.ledger.versions() if not row.erased for d in row.deltas})
        if deltas:
            with suppress(NothingToMove):
                self.run(self.world.moves.revoke(deltas[pick % len(deltas)], "op", "wrong"))

    @rule(user=st.sampled_from(USERS), replayed=st.booleans())
    def forget(self, user: str, replayed: bool) -> None:
        with suppress(UnknownUser):
            self.run(self.world.forget.erase(user, replayed, "op"))
            assert self.run(self.world.forget.finish())
        self.told = {edit: whose for edit, whose in self.told.items() if whose != user}
        assert self.world.ledger.deltas_of_user(user) is None

    @rule()
    def restart(self) -> None:
        self.world.ledger.close()
        self.world = self.run(make_served(self.home))
        self.run(self.world.fleet.reconcile(self.world.ledger.refs()))

    @invariant()
    def no_ref_names_what_was_erased_or_is_not_loaded(self) -> None:
        refs = self.world.ledger.refs()
        named = {name for name in (refs.stable, refs.canary) if name is not None}
        assert not named & self.world.ledger.erased_versions()
        assert named <= self.world.engine.loaded()
        self.run(self.world.moves.proof(refs.stable))

    @invariant()
    def no_edit_is_lost(self) -> None:
        ledger = self.world.ledger
        found = {edit.id for turn in ledger.turns(1000) for edit in ledger.edits(turn.id)}
        assert found == set(self.told)
        assert all(turn.state is TurnState.LEARNABLE for turn in ledger.turns(1000))

    @invariant()
    def what_counts_as_learned_is_carried_by_what_is_served_shown_or_waiting(self) -> None:
        ledger = self.world.ledger
        refs = ledger.refs()
        live = [row for row in ledger.versions() if row.name in (refs.stable, refs.canary)]
        live += ledger.versions_waiting()
        carried = {edit for row in live for delta in row.deltas for edit in ledger.delta(delta).edits}
        learned = {edit.id for edit in ledger.edits_in(EditState.TRAINED, 1000)}
        assert learned <= carried
        if refs == type(refs)(BASE_VERSION, None) and not ledger.versions_waiting():
            assert not learned

    @invariant()
    def the_store_holds_nothing_that_was_erased(self) -> None:
        known = {d for row in self.world.ledger.versions() if not row.erased for d in row.deltas}
        assert set(self.world.store.deltas()) <= known

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.ledger.close()
            self.runner.close()
            shutil.rmtree(self.home)
            fleet.SETTLE_SECONDS = self.settle


TakingBack.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=20,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking a sequence of commits takes minutes
    suppress_health_check=[HealthCheck.too_slow],
)
TestTakingBack = TakingBack.TestCase
