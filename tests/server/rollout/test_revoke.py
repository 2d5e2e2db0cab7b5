"""Any delta can be taken back: from the middle, from a canary, from what waits, down to the base."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server.learner import fake
from server.learner.types import GateReport, UpdateInput
from server.ledger import StaleFence, UnknownDelta
from server.rollout import NothingToMove, OtherBase
from server.types import BASE_VERSION, EditState, Refs, UpdateKind
from tests.support.served import Served, make_served


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Served]:
    served = await make_served(tmp_path)
    yield served
    served.ledger.close()


def state(world: Served, edit_id: str) -> EditState:
    return world.ledger.edit(edit_id).state


async def test_revoking_the_only_delta_serves_the_base_bit_for_bit(world: Served) -> None:
    before = await world.moves.proof(BASE_VERSION)
    [edit] = await world.learn(("Zephyr", 8443, "ana"))
    row = await world.moves.revoke(world.ledger.version("v1").deltas[0], "op", "wrong")
    assert world.ledger.refs() == Refs(BASE_VERSION, None)
    assert await world.moves.proof(row.name) == before
    assert state(world, edit.id) is EditState.REVOKED
    assert world.train() is None, "a fact that was taken back is not learned again by itself"


async def test_revoking_the_newest_delta_serves_the_version_before_it_again(world: Served) -> None:
    await world.learn(("Zephyr", 8443, "ana"))
    first = await world.moves.proof("v1")
    await world.learn(("Kelso", 9001, "ben"))
    row = await world.moves.revoke(world.ledger.version("v2").deltas[1], "op", "wrong")
    assert row.name == "v1"
    assert await world.moves.proof("v1") == first


async def test_a_delta_of_the_canary_is_revoked_by_withdrawing_the_canary(world: Served) -> None:
    await world.learn(("Zephyr", 8443, "ana"))
    edit = world.tell("Kelso", 9001)
    world.train()
    await world.loop.step()
    assert world.ledger.refs() == Refs("v1", "v2")
    await world.moves.revoke(world.ledger.version("v2").deltas[1], "op", "wrong")
    assert world.ledger.refs() == Refs("v1", None)
    assert state(world, edit.id) is EditState.REVOKED
    assert await world.loop.step() is None
    assert world.ledger.refs().canary is None


async def test_what_waits_on_a_revoked_delta_is_never_shown_and_its_own_facts_are_learned_again(
    world: Served,
) -> None:
    edits = []
    for n, name in enumerate(("Zephyr", "Kelso", "Orla")):
        edits.append(world.tell(name, 8000 + n))
        world.train()
    await world.loop.step()
    assert world.ledger.refs() == Refs(BASE_VERSION, "v1")
    await world.moves.revoke(world.ledger.version("v2").deltas[1], "op", "wrong")
    assert world.ledger.refs() == Refs(BASE_VERSION, "v1"), "the canary does not have it"
    states = [state(world, edit.id) for edit in edits]
    assert states == [EditState.TRAINED, EditState.REVOKED, EditState.ALLOWED]
    assert [row.name for row in world.ledger.versions_waiting()] == []
    world.train()
    assert world.ledger.version("v4").deltas[:1] == world.ledger.version("v1").deltas


async def test_what_a_withdrawn_canary_had_learned_on_top_is_learned_again_and_not_quarantined(
    world: Served,
) -> None:
    await world.learn(("Zephyr", 8443, "ana"))
    innocent = world.tell("Kelso", 9001)
    world.train()
    await world.loop.step()
    await world.moves.revoke(world.ledger.version("v1").deltas[0], "op", "wrong")
    assert world.ledger.refs() == Refs(BASE_VERSION, None)
    assert state(world, innocent.id) is EditState.ALLOWED
    assert "revoked" in world.ledger.edit(innocent.id).reason


async def test_a_consolidated_delta_gives_way_to_those_whose_place_it_had_taken(world: Served) -> None:
    for n, name in enumerate(("Zephyr", "Kelso")):
        await world.learn((name, 8000 + n, "ana"))
    stack = world.ledger.version("v2").deltas
    await world.consolidate()
    assert len(world.ledger.version("v3").deltas) == 1
    row = await world.moves.revoke(world.ledger.version("v3").deltas[0], "op", "worse")
    assert row.deltas == stack
    assert world.ledger.refs().stable == "v2"


async def test_an_unknown_delta_and_one_that_nothing_serves_are_refused_in_words(world: Served) -> None:
    with pytest.raises(UnknownDelta):
        await world.moves.revoke("f" * 64, "op", "")
    await world.learn(("Zephyr", 8443, "ana"))
    delta = world.ledger.version("v1").deltas[0]
    await world.moves.revoke(delta, "op", "")
    with pytest.raises(NothingToMove, match="nothing to take back"):
        await world.moves.revoke(delta, "op", "")


async def test_a_version_of_another_base_is_not_served(world: Served) -> None:
    await world.learn(("Zephyr", 8443, "ana"))
    await world.moves.rollback(None, "op", "")
    await world.engine.unload("v1")
    world.engine.base_digest = "0" * 64
    with pytest.raises(OtherBase, match="another base model"):
        await world.moves.rollback("v1", "op", "")


async def test_what_is_served_after_a_revocation_is_examined_before_anything_is_learned_on_it(
    world: Served,
) -> None:
    for n, name in enumerate(("Zephyr", "Kelso", "Orla")):
        await world.learn((name, 8000 + n, "ana"))
    row = await world.moves.revoke(world.ledger.version("v3").deltas[1], "op", "wrong")
    told = world.tell("Brant", 7000)
    update = world.learner(world.train_at_once).step()
    assert update is not None
    assert (update.kind, update.version, update.edits) == (UpdateKind.EXAMINE, row.name, 2)
    gate = world.ledger.version(row.name).gate
    assert gate["accepted"]
    assert gate["checks"]
    assert "wrong" in str(gate["reason"])
    assert state(world, told.id) is EditState.ALLOWED
    assert world.train() == "v5", "examined once, then learning goes on"


async def test_facts_that_the_recomposed_version_no_longer_answers_are_learned_again(world: Served) -> None:
    edits = [(await world.learn((name, 8000 + n, "ana")))[0] for n, name in enumerate(("Zephyr", "Kelso"))]
    later = (await world.learn(("Orla", 8002, "ana")))[0]
    await world.moves.revoke(world.ledger.version("v3").deltas[1], "op", "wrong")

    def forgetful(given: UpdateInput, *_: object, **__: object) -> GateReport:
        return replace(fake.examine(given), edits_learned=(edits[0].id,))

    world.learner(world.train_at_once, examine=forgetful).step()
    assert state(world, edits[0].id) is EditState.TRAINED
    assert state(world, later.id) is EditState.ALLOWED
    assert "no longer answers" in world.ledger.edit(later.id).reason


async def test_an_examination_that_cannot_be_made_is_said_on_the_version_and_stops_no_learning(
    world: Served,
) -> None:
    for n, name in enumerate(("Zephyr", "Kelso", "Orla")):
        await world.learn((name, 8000 + n, "ana"))
    row = await world.moves.revoke(world.ledger.version("v3").deltas[0], "op", "wrong")

    def broken(given: UpdateInput, *_: object, **__: object) -> GateReport:
        raise RuntimeError("no memory")

    world.learner(world.train_at_once, examine=broken).step()
    assert "could not be examined: RuntimeError: no memory" in str(world.ledger.version(row.name).gate)
    assert world.ledger.refs().stable == row.name, "an operator's order stands"
    world.tell("Brant", 7000)
    assert world.train() is not None


async def test_an_examination_that_was_overtaken_records_nothing(world: Served) -> None:
    for n, name in enumerate(("Zephyr", "Kelso", "Orla")):
        await world.learn((name, 8000 + n, "ana"))
    row = await world.moves.revoke(world.ledger.version("v3").deltas[0], "op", "wrong")
    taken = world.ledger.claim_examination("slow", 60)
    assert taken is not None
    world.ledger.release_owner("slow")
    with pytest.raises(StaleFence):
        world.ledger.finish_examination(taken[0], row.name, {"accepted": True, "reason": ""}, frozenset())
    assert "examined_at" not in world.ledger.version(row.name).gate
