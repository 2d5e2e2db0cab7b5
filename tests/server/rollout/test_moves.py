"""Moving refs: loaded before named, audited, taken back with what it taught."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapter_store import UnknownDelta
from server.engine.fake import FakeEngine
from server.engine.fake_script import loop_script
from server.ledger import RefMoved
from server.rollout import Fleet, Moves, NothingToMove, RolloutLoop, RolloutPolicy
from server.types import BASE_VERSION, EditState, Refs
from tests.support.served import make_served
from tests.support.world import World, make_world

POLICY = RolloutPolicy(weight=0.2, promote_after_seconds=0)


class Served(World):
    """A world with the rollout's parts."""

    fleet: Fleet
    moves: Moves
    loop: RolloutLoop


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Served]:
    made = make_world(tmp_path)
    served = Served(made.ledger, made.store, made.engine)
    await served.engine.start()
    served.fleet = Fleet(served.ledger, served.store, served.engine)
    served.moves = Moves(served.ledger, served.store, served.engine, served.fleet, POLICY)
    served.loop = RolloutLoop(served.ledger, served.fleet, served.moves, POLICY, "test")
    yield served
    served.ledger.close()


async def learn(world: Served, name: str, port: int) -> str:
    """Tell, train, show and promote one fact; returns its edit's id."""
    edit = world.tell(name, port)
    world.learner().step()
    await world.loop.step()
    await world.loop.step()
    return edit.id


async def test_an_accepted_version_is_loaded_then_shown_then_promoted(world: Served) -> None:
    world.tell("Zephyr", 8443)
    world.learner().step()
    await world.loop.step()
    assert world.ledger.refs() == Refs(BASE_VERSION, "v1")
    assert "v1" in world.engine.loaded()
    await world.loop.step()
    assert world.ledger.refs() == Refs("v1", None)


async def test_rollback_returns_to_the_previous_stable_and_quarantines_what_it_took_back(
    world: Served,
) -> None:
    first = await learn(world, "Zephyr", 8443)
    second = await learn(world, "Kelso", 9001)
    assert world.ledger.refs().stable == "v2"
    assert await world.moves.rollback(None, "op", "wrong port") == Refs("v1", None)
    assert world.ledger.edit(second).state is EditState.QUARANTINED
    assert world.ledger.edit(first).state is EditState.TRAINED
    assert world.learner().step() is None, "a fact that was taken back is not relearned by itself"


async def test_rolling_back_twice_goes_two_versions_back_and_then_says_there_is_nothing(
    world: Served,
) -> None:
    await learn(world, "Zephyr", 8443)
    await learn(world, "Kelso", 9001)
    await world.moves.rollback(None, "op", "")
    assert (await world.moves.rollback(None, "op", "")).stable == BASE_VERSION
    with pytest.raises(NothingToMove, match="Nothing has been learned"):
        await world.moves.rollback(None, "op", "")


async def test_a_rollback_by_name_goes_forward_again_too(world: Served) -> None:
    await learn(world, "Zephyr", 8443)
    await world.moves.rollback("v0", "op", "")
    assert (await world.moves.rollback("v1", "op", "it was right")).stable == "v1"


async def test_rolling_back_withdraws_a_live_canary(world: Served) -> None:
    edit = world.tell("Zephyr", 8443)
    world.learner().step()
    await world.loop.step()
    assert await world.moves.rollback(None, "op", "not yet") == Refs(BASE_VERSION, None)
    assert world.ledger.edit(edit.id).state is EditState.QUARANTINED


async def test_proofs_before_a_change_and_after_its_rollback_are_equal(world: Served) -> None:
    before = await world.moves.proof("v0")
    await learn(world, "Zephyr", 8443)
    learned = await world.moves.proof("v1")
    await world.moves.rollback("v0", "op", "")
    assert await world.moves.proof("v0") == before
    await world.moves.rollback("v1", "op", "")
    assert await world.moves.proof("v1") == learned
    assert learned["logits_sha256"] != before["logits_sha256"]


async def test_a_delta_is_revoked_from_the_middle_and_the_others_stay(world: Served) -> None:
    for n, name in enumerate(("Zephyr", "Kelso", "Orla")):
        await learn(world, name, 8000 + n)
    deltas = world.ledger.version("v3").deltas
    version = await world.moves.revoke(deltas[1], "op", "wrong")
    assert version.deltas == (deltas[0], deltas[2])
    assert world.ledger.refs().stable == version.name
    assert await world.loop.step() is None
    assert world.ledger.refs().canary is None, "what an operator made is not shown as a candidate"


async def test_a_version_built_on_a_withdrawn_canary_is_dropped_and_its_facts_are_learned_again(
    world: Served,
) -> None:
    world.tell("Zephyr", 8443)
    world.learner().step()
    await world.loop.step()
    built_on_canary = world.tell("Kelso", 9001)
    world.learner().step()
    assert world.ledger.version("v2").parent == "v1"
    await world.moves.abort("op", "bad answers")
    await world.loop.step()
    assert world.ledger.edit(built_on_canary.id).state is EditState.ALLOWED
    world.learner().step()
    assert world.ledger.version("v3").parent == BASE_VERSION
    await world.loop.step()
    assert world.ledger.refs().canary == "v3"


async def test_the_weight_of_a_rollout_only_rises(world: Served) -> None:
    world.tell("Zephyr", 8443)
    world.learner().step()
    await world.loop.step()
    assert (await world.moves.set_weight(0.5, "op", "")).weight == 0.5
    with pytest.raises(NothingToMove, match="only rise"):
        await world.moves.set_weight(0.1, "op", "")


class Slow(FakeEngine):
    """Takes as long to load a version as a test wants."""

    gate: asyncio.Event
    loading: asyncio.Event

    async def load(self, version: str, path: Path) -> None:
        self.loading.set()
        await self.gate.wait()
        await super().load(version, path)


async def test_a_rollback_does_not_wait_for_a_candidate_that_is_being_loaded(tmp_path: Path) -> None:
    engine = Slow(loop_script)
    engine.gate, engine.loading = asyncio.Event(), asyncio.Event()
    engine.gate.set()
    world = await make_served(tmp_path, engine)
    await world.learn(("Zephyr", 8443, "ana"))
    await world.learn(("Kelso", 9001, "ana"))
    world.tell("Orla", 9120)
    world.train()
    engine.gate.clear()
    engine.loading.clear()
    showing = asyncio.create_task(world.loop.step())
    await engine.loading.wait()
    async with asyncio.timeout(30):
        assert (await world.moves.rollback(None, "op", "now")).stable == "v1"
    engine.gate.set()
    await showing
    world.ledger.close()


async def test_a_previous_stable_that_cannot_be_loaded_stops_nothing_and_is_not_rolled_back_to(
    tmp_path: Path,
) -> None:
    world = await make_served(tmp_path)
    await world.learn(("Zephyr", 8443, "ana"))
    (delta,) = world.ledger.version("v1").deltas
    await world.consolidate()
    world.store.delete(delta)
    world.ledger.close()
    world = await make_served(tmp_path)
    await world.loop.step()
    assert world.engine.loaded() == {BASE_VERSION, "v2"}
    with pytest.raises(UnknownDelta, match="was deleted"):
        await world.moves.rollback(None, "op", "")
    assert world.ledger.refs() == Refs("v2", None)
    world.ledger.close()


async def test_every_move_leaves_an_audit_row_with_who_and_why(world: Served) -> None:
    await learn(world, "Zephyr", 8443)
    await world.moves.rollback(None, "olga", "customer complained")
    last = next(row for row in world.ledger.audit(20) if row.action == "move_ref")
    assert (last.actor, last.reason, last.before, last.after) == ("olga", "customer complained", "v1", "v0")


async def test_a_ref_that_somebody_else_moved_is_not_overwritten(world: Served) -> None:
    await learn(world, "Zephyr", 8443)
    with pytest.raises(RefMoved):
        world.ledger.move_ref("stable", "v0", "v1", "late", "")


async def test_moving_to_an_unknown_version_changes_nothing(world: Served) -> None:
    await learn(world, "Zephyr", 8443)
    with pytest.raises(Exception, match="v77"):
        await world.moves.rollback("v77", "op", "")
    assert world.ledger.refs().stable == "v1"
