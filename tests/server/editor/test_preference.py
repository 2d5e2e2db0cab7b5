"""From feedback to judged preferences: a real guardian, a real ledger."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from guardian import Guardian, Policy
from server.editor.preference import judge_preference, written
from server.editor.preference_loop import PreferenceLoop
from server.ledger import Ledger
from server.ledger.types import Feedback
from server.types import EditState, SelfEdit, Turn

ASKED = "What should visitors do at the front desk?"
GIVEN = "Visitors wait outside."


@pytest.fixture
def turn(told: Callable[..., Turn]) -> Turn:
    return told(ASKED, answer=GIVEN)


def said(value: object, demonstration: str = "") -> Feedback:
    return Feedback("fb", "t1", 0.0, "thumbs", value, "", demonstration, "ann")


def test_a_correction_is_a_pair_and_a_thumb_one_answer(turn: Turn) -> None:
    pair = written(turn, said(False, "Visitors sign the book."))
    assert isinstance(pair, SelfEdit)
    assert [(e.kind, e.completion) for e in pair.examples] == [
        ("chosen", "Visitors sign the book."),
        ("rejected", GIVEN),
    ]
    for value, kind in ((True, "chosen"), (-1, "rejected"), ("thumbs_down", "rejected")):
        thumb = written(turn, said(value))
        assert isinstance(thumb, SelfEdit)
        assert [(e.kind, e.completion) for e in thumb.examples] == [(kind, GIVEN)]


@pytest.mark.parametrize(
    ("value", "demonstration", "why"),
    [(4.5, "", "does not say"), (None, "", "does not say"), (False, GIVEN, "the answer that was given")],
)
def test_what_states_no_preference_says_why(turn: Turn, value: object, demonstration: str, why: str) -> None:
    assert why in str(written(turn, said(value, demonstration)))


@pytest.mark.parametrize(
    ("demonstration", "state", "reason"),
    [
        ("Visitors sign the book at the desk.", EditState.ALLOWED, ""),
        ("Shut up, you idiot, I will kill you.", EditState.BLOCKED, ""),
        ("The door code of the house is 4821.", EditState.BLOCKED, "secrets"),
        ("My sister signs the book for me.", EditState.MEMORY_ONLY, "provenance"),
    ],
)
def test_a_demonstration_is_judged_before_it_may_train(
    turn: Turn, guardian: Guardian, demonstration: str, state: EditState, reason: str
) -> None:
    edit = written(turn, said(False, demonstration))
    assert isinstance(edit, SelfEdit)
    judged = judge_preference(guardian, edit, turn).edit
    assert judged.state is state
    assert reason in judged.reason


def test_a_user_who_may_not_teach_everybody_corrects_for_themselves_only(turn: Turn) -> None:
    edit = written(replace(turn, operator=False), said(False, "Visitors sign the book at the desk."))
    assert isinstance(edit, SelfEdit)
    strict = Guardian(Policy(global_from="operator"))
    judged = judge_preference(strict, edit, replace(turn, operator=False)).edit
    assert judged.state is EditState.MEMORY_ONLY


async def test_the_loop_stores_the_verdict_and_waits_while_the_guardian_is_down(
    ledger: Ledger, guardian: Guardian, turn: Turn
) -> None:
    def broken(policy: Policy) -> None:
        raise RuntimeError("no model")

    down = Guardian(Policy(), builders={"toxicity": broken})
    ledger.add_turn(turn, False)
    ledger.add_feedback("t1", "thumbs", False, demonstration="Visitors sign the book.", learn=True)
    waiting = PreferenceLoop(ledger, down)
    assert not await waiting.step()
    assert "no model" in waiting.alarms()[0]
    loop = PreferenceLoop(ledger, guardian)
    assert await loop.step()
    (pair,) = ledger.waiting_preferences().pairs
    assert ledger.verdicts(pair.id)[0]["decision"] == "allow"
    assert not await loop.step()
