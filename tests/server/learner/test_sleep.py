"""When a stack is consolidated, what is written of it, and what holds where it is refused."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.learner import fake, sleep
from server.learner.types import CheckCount, Drift, GateReport, UpdateInput, UpdateResult
from server.types import EditState, SelfEdit, Update, UpdateKind, UpdateState
from tests.support.world import World, make_world

ROOM_FOR_TWO = 4
"""The fake trainer's deltas have rank 2."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.ledger.close()


def learn(world: World, *names: str) -> list[SelfEdit]:
    edits = []
    for number, name in enumerate(names):
        edits.append(world.tell(name, 8000 + number))
        world.learner().step()
    return edits


def refusing_sleep(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
    if given.consolidation is None:
        return fake.run(given)
    count = CheckCount(1, 2, 2, False)
    return UpdateResult(None, GateReport(False, "recall of all facts 1 of 2, 2 needed", {"recall": count}))


def drifting(kl_nats: float) -> Callable[..., UpdateResult]:
    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        result = fake.run(given)
        return dataclasses.replace(
            result, report=dataclasses.replace(result.report, drift=Drift(kl_nats, 0.1, 1.0))
        )

    return train


def step(learner: object) -> Update:
    update = learner.step()  # type: ignore[attr-defined]
    assert isinstance(update, Update)
    return update


def test_a_full_stack_is_replaced_by_one_delta_that_carries_all_its_facts(world: World) -> None:
    edits = learn(world, "Zephyr", "Kelso")
    update = step(world.learner(max_rank=ROOM_FOR_TWO))
    assert (update.kind, update.state, update.edits) == (UpdateKind.CONSOLIDATE, UpdateState.ACCEPTED, 2)
    assert "add up to 4, with 2 more they would pass 4" in update.reason
    version = world.ledger.version("v3")
    assert (version.parent, len(version.deltas)) == ("v2", 1)
    assert set(world.ledger.delta(version.deltas[0]).edits) == {edit.id for edit in edits}
    assert [world.ledger.edit(edit.id).state for edit in edits] == [EditState.TRAINED] * 2
    assert world.learner(max_rank=ROOM_FOR_TWO).step() is None, "once is enough"


def test_nothing_new_is_learned_before_the_consolidation_and_then_on_top_of_it(world: World) -> None:
    learn(world, "Zephyr", "Kelso")
    world.tell("Orla", 9001)
    learner = world.learner(max_rank=ROOM_FOR_TWO)
    kinds = [step(learner).kind, step(learner).kind]
    assert kinds == [UpdateKind.CONSOLIDATE, UpdateKind.LEARN]
    assert world.ledger.version("v4").deltas[0] == world.ledger.version("v3").deltas[0]


def test_a_schedule_consolidates_whatever_the_ranks(world: World) -> None:
    learn(world, "Zephyr", "Kelso", "Orla")
    limits = sleep.Limits(max_rank=64, every=2)
    digest = world.engine.base_digest
    need = sleep.need(world.ledger, world.store, digest, world.ledger.version("v3"), limits)
    assert need is not None
    assert (need.why, need.blocks) == ("3 updates are stacked in v3", False)
    never = sleep.Limits(max_rank=64, every=0)
    assert sleep.need(world.ledger, world.store, digest, world.ledger.version("v3"), never) is None


def test_a_drift_budget_that_is_nearly_spent_forces_a_consolidation(world: World) -> None:
    world.tell("Zephyr", 8443)
    world.learner(drifting(0.03)).step()
    world.tell("Kelso", 9001)
    world.learner(drifting(0.085)).step()
    update = step(world.learner())
    assert update.kind is UpdateKind.CONSOLIDATE
    assert "v2 has spent 85% of its drift budget" in update.reason


def test_training_undoes_drift_and_a_stack_that_is_only_full_is_truncated(world: World) -> None:
    seen: list[UpdateInput] = []

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        seen.append(given)
        return fake.run(given)

    world.tell("Zephyr", 8443)
    world.learner(drifting(0.03)).step()
    world.tell("Kelso", 9001)
    world.learner(drifting(0.085)).step()
    limits = sleep.Limits(max_rank=ROOM_FOR_TWO, every=0)
    full = sleep.need(world.ledger, world.store, world.engine.base_digest, world.ledger.version("v2"), limits)
    assert full is not None
    assert not full.drifted, "room for the next fact comes first"
    world.learner(train).step()
    consolidation = seen[0].consolidation
    assert consolidation is not None
    assert consolidation.calming


def test_a_consolidation_that_leaves_much_drift_is_not_repeated_after_every_update(world: World) -> None:
    world.tell("Zephyr", 8443)
    world.learner(drifting(0.08)).step()
    world.tell("Kelso", 9001)
    world.learner(drifting(0.085)).step()
    assert world.learner().step() is None


def test_what_was_withdrawn_is_left_out_and_the_delta_does_not_begin_at_the_stack(world: World) -> None:
    seen: list[UpdateInput] = []

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        seen.append(given)
        return fake.run(given)

    edits = learn(world, "Zephyr", "Kelso")
    world.ledger.set_edit_state(edits[0].id, EditState.REVOKED, "wrong")
    world.learner(train, max_rank=ROOM_FOR_TWO).step()
    assert [edit.id for edit in seen[0].edits] == [edits[1].id]
    assert seen[0].consolidation is not None
    assert not seen[0].consolidation.from_stack
    assert world.ledger.delta(world.ledger.version("v3").deltas[0]).edits == (edits[1].id,)


def test_a_fact_withdrawn_while_the_consolidation_trains_keeps_its_delta_out(world: World) -> None:
    edits = learn(world, "Zephyr", "Kelso")

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        world.ledger.set_edit_state(edits[0].id, EditState.REVOKED, "wrong")
        return fake.run(given)

    update = step(world.learner(train, max_rank=ROOM_FOR_TWO))
    assert update.state is UpdateState.ABORTED
    assert "withdrawn meanwhile" in update.reason
    assert [row.name for row in world.ledger.versions()] == ["v1", "v2"]


def test_a_refused_consolidation_is_tried_twice_more_with_other_settings_and_the_stack_stays(
    world: World,
) -> None:
    learn(world, "Zephyr", "Kelso")
    seen: list[tuple[int, int]] = []

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        assert given.consolidation is not None
        seen.append((given.seed, given.consolidation.attempt))
        return refusing_sleep(given)

    learner = world.learner(train, max_rank=ROOM_FOR_TWO)
    first = step(learner)
    assert first.state is UpdateState.REJECTED
    assert "recall of all facts 1 of 2, 2 needed; the stack stays" in first.reason
    step(learner)
    step(learner)
    assert learner.step() is None
    assert [attempt for _, attempt in seen] == [0, 1, 2]
    assert len({seed for seed, _ in seen}) == 3
    assert [row.name for row in world.ledger.versions()] == ["v1", "v2"]


def test_without_room_learning_holds_says_why_and_loses_nothing(world: World) -> None:
    learn(world, "Zephyr", "Kelso")
    learner = world.learner(refusing_sleep, max_rank=ROOM_FOR_TWO)
    for _ in range(sleep.ATTEMPTS):
        learner.step()
    waiting = world.tell("Orla", 9001)
    assert learner.step() is None
    status = world.ledger.learner_status()
    assert status["state"] == "held"
    alarm = status["reason"]
    assert "the ranks of v2 add up to 4" in alarm
    assert "learning.max_rank" in alarm
    assert world.ledger.edit(waiting.id).state is EditState.ALLOWED
    asked = world.ledger.request_run()
    answered = step(learner)
    assert (answered.id, answered.state, answered.reason) == (asked, UpdateState.ABORTED, alarm)
    assert step(world.learner(max_rank=64)).version == "v3", "more room, and learning goes on"
    assert world.ledger.learner_status()["state"] == "idle"


def test_where_there_is_room_a_refused_consolidation_does_not_stop_learning(world: World) -> None:
    world.tell("Zephyr", 8443)
    world.learner(drifting(0.03)).step()
    world.tell("Kelso", 9001)
    world.learner(drifting(0.085)).step()
    learner = world.learner(refusing_sleep)
    for _ in range(sleep.ATTEMPTS):
        learner.step()
    world.tell("Orla", 9001)
    assert step(learner).kind is UpdateKind.LEARN


def test_a_trainer_that_crashes_counts_as_an_attempt_and_the_stack_stays(world: World) -> None:
    learn(world, "Zephyr", "Kelso")

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        raise RuntimeError("out of memory at step 3")

    learner = world.learner(train, max_rank=ROOM_FOR_TWO)
    update = step(learner)
    assert (update.kind, update.state) == (UpdateKind.CONSOLIDATE, UpdateState.REJECTED)
    assert "out of memory at step 3" in update.reason
    for _ in range(sleep.ATTEMPTS - 1):
        step(learner)
    assert learner.step() is None
