"""What the gate is told to keep secret, read from a real ledger."""

from __future__ import annotations

from pathlib import Path

from server.learner.inputs import Inputs
from server.learner.types import PLANTED
from server.types import EditState, SelfEdit
from tests.support.world import World, make_world, self_edit, told_turn


def told(world: World, name: str, port: int, state: EditState, scope: str) -> SelfEdit:
    turn = told_turn(f"The admin port of the {name} router is {port}.", f"user of {name}")
    world.ledger.add_turn(turn, True)
    job = world.ledger.claim_job("edit", "test", 30)
    assert job is not None
    edit = self_edit(turn, name, port, state)
    verdict = {"decision": "allow", "max_scope": scope}
    world.ledger.finish_edit_job(job, [(edit, [verdict] * len(edit.examples))])
    return edit


def test_an_update_is_told_the_values_that_verdicts_keep_from_everybody_and_three_planted_codes(
    tmp_path: Path,
) -> None:
    world = make_world(tmp_path)
    open_, mine, blocked, tried = (
        told(world, "Zephyr", 8443, EditState.ALLOWED, "global"),
        told(world, "Kelso", 9001, EditState.MEMORY_ONLY, "user"),
        told(world, "Brast", 7070, EditState.BLOCKED, "none"),
        told(world, "Tovim", 5151, EditState.MEMORY_ONLY, "global"),
    )
    inputs = Inputs(world.ledger, world.store, world.options())
    given = inputs.on(inputs.head(), [open_], (), 0).private
    assert {kept.of: kept.value for kept in given if kept.of != PLANTED} == {
        mine.id: "9001",
        blocked.id: "7070",
    }
    assert all(edit.id not in {kept.of for kept in given} for edit in (open_, tried))
    assert len([kept for kept in given if kept.of == PLANTED]) == 3
    assert inputs.on(inputs.head(), [open_], (), 0).private == given, "the same installation, the same codes"
    world.ledger.close()
