"""Feedback end to end on the durable side: from a route's row to a version, with the fake trainer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from guardian import Guardian, Policy
from server.editor.preference_loop import PreferenceLoop
from server.learner import fake
from server.learner.process import Learner
from server.learner.record import LearnerOptions
from server.learner.types import UpdateInput, UpdateResult
from server.types import EditState, UpdateKind, UpdateState
from tests.support.world import World, make_world, told_turn


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = make_world(tmp_path)
    yield made
    made.ledger.close()


async def correct(world: World, number: int, value: object, demonstration: str = "") -> str:
    """A turn and what its user said of the answer, judged. Returns the preference's id."""
    turn = told_turn(f"How many rooms has house {number}?", f"user-{number}")
    world.ledger.add_turn(turn, False)
    world.ledger.add_feedback(turn.id, "thumbs", value, demonstration=demonstration, learn=True)
    loop = PreferenceLoop(world.ledger, Guardian(Policy()))
    assert await loop.step()
    (edit,) = world.ledger.edits(turn.id)
    return edit.id


def learner(world: World, seen: list[UpdateInput]) -> Learner:
    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        seen.append(given)
        return fake.run(given)

    options = LearnerOptions(
        model_dir=world.store.root,
        model_name=world.engine.model_name,
        base_digest=world.engine.base_digest,
        preference_pairs=2,
        preference_thumbs=0,
    )
    return Learner(world.ledger, world.store, options, train)


async def test_corrections_wait_for_company_then_become_a_version(world: World) -> None:
    seen: list[UpdateInput] = []
    first = await correct(world, 1, False, "House 1 has seven rooms.")
    assert learner(world, seen).step() is None
    second = await correct(world, 2, False, "House 2 has nine rooms.")
    update = learner(world, seen).step()
    assert update is not None
    assert (update.kind, update.state, update.version) == (UpdateKind.PREFERENCE, UpdateState.ACCEPTED, "v1")
    assert not seen[0].edits
    assert [(p.id, p.chosen, p.rejected) for p in seen[0].preferences] == [
        (first, "House 1 has seven rooms.", "Got it."),
        (second, "House 2 has nine rooms.", "Got it."),
    ]
    assert world.ledger.edit(first).state is EditState.TRAINED
    delta = world.ledger.delta(world.ledger.version("v1").deltas[0])
    assert set(delta.edits) == {first, second}
    assert world.ledger.trained_edits(world.ledger.version("v1")) == [], "a preference is no past fact"
    assert learner(world, seen).step() is None


async def test_a_preference_that_cannot_be_trained_says_why_and_is_not_in_the_delta(world: World) -> None:
    ids = [await correct(world, n, False, f"House {n} has seven rooms.") for n in (1, 2)]

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        result = fake.run(given)
        result.refused[ids[1]] = "it is too long"
        return result

    run = learner(world, [])
    run._train = train
    update = run.step()
    assert update is not None
    assert world.ledger.edit(ids[1]).state is EditState.MEMORY_ONLY
    assert "it is too long" in world.ledger.edit(ids[1]).reason
    assert set(world.ledger.delta(world.ledger.version("v1").deltas[0]).edits) == {ids[0]}
