from __future__ import annotations

from collections.abc import Callable

import pytest

from server.ledger import Claim, Ledger, UnknownTurn
from server.types import EditState, Rollout, TurnState
from tests.support.rows import VERDICTS, Clock, make_edit, make_turn


def write(ledger: Ledger, turn_id: str, *edits: tuple[EditState, str]) -> None:
    ledger.add_turn(make_turn(turn_id), True)
    job = ledger.claim_job("edit", "editor", 60.0)
    assert job is not None
    made = [make_edit(f"{turn_id}-{n}", turn_id, state, why) for n, (state, why) in enumerate(edits)]
    ledger.finish_edit_job(job, [(edit, VERDICTS) for edit in made])


def test_a_turn_is_followed_from_its_edit_to_the_version_that_is_served(
    ledger: Ledger, train: Callable[[str], Claim]
) -> None:
    states = []

    def note() -> None:
        states.append(ledger.lineage("t1").state)

    ledger.add_turn(make_turn("t1"), True)
    note()
    job = ledger.claim_job("edit", "editor", 60.0)
    assert job is not None
    note()
    ledger.finish_edit_job(job, [(make_edit("e1", "t1"), VERDICTS)])
    note()
    train("v1")
    note()
    ledger.start_rollout(Rollout("r1", "v1", "salt", 0.2, "canary", 0.0), "rollout", "")
    note()
    ledger.end_rollout("r1", "promoted", "rollout", "")
    note()
    ledger.move_ref("stable", "v1", "v0", "ann", "wrong")
    note()
    ledger.quarantine_edits_of(["delta of v1"], "rolled back: wrong")
    note()
    assert states == [
        "waiting for the editor",
        "being written by the editor now",
        "waiting for the learner",
        "learned in v1, which is not served now",
        "learned in v1, which is canary",
        "learned in v1, which is stable",
        "learned in v1, which is not served now",
        "waiting for a person to review it: rolled back: wrong",
    ]
    told = ledger.lineage("t1")
    assert told.turn == ledger.turn("t1")
    assert [(item.edit.id, item.verdicts) for item in told.self_edits] == [("e1", VERDICTS)]
    assert told.deltas == ("delta of v1",)
    assert [row.name for row in told.versions] == ["v1"]
    assert told.refs == {}


def test_training_is_told_while_it_goes_on(ledger: Ledger) -> None:
    write(ledger, "t1", (EditState.ALLOWED, ""))
    ledger.claim_edits("learner", 30.0, 8)
    assert ledger.lineage("t1").state == "being trained now"


def test_later_versions_that_carry_the_delta_are_told(
    ledger: Ledger, learned: Callable[[str], None], train: Callable[..., Claim]
) -> None:
    learned("a")
    train("v1")
    learned("b")
    train("v2", "v1")
    ledger.move_ref("stable", "v0", "v2", "rollout", "")
    told = ledger.lineage("t-a")
    assert told.state == "learned in v1, carried by v2 (stable)"
    assert ([row.name for row in told.versions], told.refs) == (["v1", "v2"], {"stable": "v2"})


def test_several_edits_each_have_their_say_once(ledger: Ledger) -> None:
    write(
        ledger,
        "t1",
        (EditState.MEMORY_ONLY, "it is about you alone"),
        (EditState.BLOCKED, "holds a password"),
        (EditState.BLOCKED, "holds a password"),
    )
    assert (
        ledger.lineage("t1").state == "kept in memory only: it is about you alone; blocked: holds a password"
    )


def test_the_reasons_for_not_learning_are_told(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1", state=TurnState.NOT_LEARNED, reason="store was false"), True)
    ledger.add_turn(make_turn("t2", state=TurnState.FAILED, reason="the client went away"), True)
    ledger.add_turn(make_turn("t3"), False)
    write(ledger, "t4")
    assert [ledger.lineage(f"t{number}").state for number in range(1, 5)] == [
        "not learned: store was false",
        "not learned: the client went away",
        "not learned: learning was switched off",
        "nothing to learn: no fact was found in it",
    ]


def test_a_dead_editors_turn_waits_again(ledger: Ledger, clock: Clock) -> None:
    ledger.add_turn(make_turn("t1"), True)
    ledger.claim_job("edit", "editor", 60.0)
    clock.now += 61
    assert ledger.lineage("t1").state == "waiting for the editor"


def test_an_unknown_turn_has_no_lineage(ledger: Ledger) -> None:
    with pytest.raises(UnknownTurn):
        ledger.lineage("nowhere")
