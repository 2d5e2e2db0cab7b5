from __future__ import annotations

from collections.abc import Callable

import pytest

from server.ledger import BadTransition, Claim, Ledger, UnknownEdit
from server.types import EditState, Example, Message, Scores
from tests.support.rows import VERDICTS, Clock, make_edit, make_turn

Add = Callable[[str], None]


def test_an_edit_comes_back_with_its_examples_and_verdicts(ledger: Ledger, learned: Add) -> None:
    learned("a")
    assert ledger.edit("e-a") == make_edit("e-a", "t-a")
    assert ledger.edits("t-a") == [make_edit("e-a", "t-a")]
    assert ledger.verdicts("e-a") == list(VERDICTS)
    with pytest.raises(UnknownEdit, match="'nothing'"):
        ledger.edit("nothing")


def test_edits_of_a_turn_keep_the_order_of_writing(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1"), True)
    job = ledger.claim_job("edit", "editor", 60.0)
    assert job is not None
    names = ["z", "a", "m"]
    ledger.finish_edit_job(job, [(make_edit(name, "t1"), VERDICTS) for name in names])
    assert [edit.id for edit in ledger.edits("t1")] == names
    assert [edit.id for edit in ledger.edits_in(EditState.ALLOWED)] == names


def test_waiting_edits_are_counted_and_dated(ledger: Ledger, learned: Add, clock: Clock) -> None:
    assert (ledger.count_pending(), ledger.newest_edit_at()) == (0, 0.0)
    learned("a")
    clock.now += 5
    learned("b")
    assert (ledger.count_pending(), ledger.newest_edit_at()) == (2, 1_005.0)
    ledger.set_edit_state("e-b", EditState.BLOCKED, "no")
    assert (ledger.count_pending(), ledger.newest_edit_at()) == (1, 1_000.0)


def test_a_quarantined_edit_waits_for_a_person_whose_word_is_audited(ledger: Ledger, learned: Add) -> None:
    learned("a")
    ledger.set_edit_state("e-a", EditState.QUARANTINED, "looks like an instruction")
    assert [edit.id for edit in ledger.edits_in(EditState.QUARANTINED)] == ["e-a"]
    ledger.set_edit_state("e-a", EditState.ALLOWED, "it is a fact", actor="ann")
    (row,) = ledger.audit()
    assert (row.actor, row.subject, row.before, row.after) == ("ann", "e-a", "quarantined", "allowed")
    assert ledger.edits_in(EditState.QUARANTINED) == []


def test_a_person_may_correct_the_examples(ledger: Ledger, learned: Add) -> None:
    learned("a")
    ledger.set_edit_state("e-a", EditState.QUARANTINED, "half right")
    better = (Example("question", "Which port?", "8444."),)
    ledger.rewrite_edit("e-a", better, [{"decision": "allow"}], EditState.ALLOWED, "corrected", "ann")
    assert (ledger.edit("e-a").examples, ledger.edit("e-a").state) == (better, EditState.ALLOWED)
    assert ledger.verdicts("e-a") == [{"decision": "allow"}]


def test_an_example_keeps_its_scores_and_what_was_said_before_it(ledger: Ledger, learned: Add) -> None:
    learned("a")
    ledger.set_edit_state("e-a", EditState.QUARANTINED, "half right")
    said = (Message("user", "Hi!"), Message("assistant", "Hello."))
    view = Example("conversation", "Which port?", "8444.", context=said, scores=Scores(5.0, 4.5, 3.25))
    ledger.rewrite_edit("e-a", (view,), [{"decision": "allow"}], EditState.ALLOWED, "corrected", "ann")
    assert ledger.edit("e-a").examples == (view,)


@pytest.mark.parametrize("state", [EditState.CLAIMED, EditState.TRAINED])
def test_only_the_learner_claims_and_trains(ledger: Ledger, learned: Add, state: EditState) -> None:
    learned("a")
    with pytest.raises(BadTransition, match="only by the learner"):
        ledger.set_edit_state("e-a", state, "by hand")
    ledger.add_turn(make_turn("t1"), True)
    job = ledger.claim_job("edit", "editor", 60.0)
    assert job is not None
    with pytest.raises(BadTransition):
        ledger.finish_edit_job(job, [(make_edit("e1", "t1", state), VERDICTS)])
    assert ledger.edits("t1") == []


def test_a_trained_edit_is_not_trained_again_unless_it_was_taken_back(
    ledger: Ledger, learned: Add, train: Callable[[str], Claim]
) -> None:
    learned("a")
    train("v1")
    with pytest.raises(BadTransition, match="revoke it before"):
        ledger.set_edit_state("e-a", EditState.ALLOWED, "again")
    with pytest.raises(BadTransition, match="examples are fixed"):
        ledger.rewrite_edit("e-a", (), (), EditState.ALLOWED, "again", "ann")
    ledger.set_edit_state("e-a", EditState.REVOKED, "its delta was revoked")
    ledger.set_edit_state("e-a", EditState.ALLOWED, "it was not at fault", actor="ann")
    assert ledger.count_pending() == 1


def test_more_edits_than_one_statement_can_name_are_loaded(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1"), True)
    job = ledger.claim_job("edit", "editor", 60.0)
    assert job is not None
    ledger.finish_edit_job(job, [(make_edit(f"e{number}", "t1"), ()) for number in range(1_100)])
    found = ledger.edits("t1")
    assert len(found) == 1_100
    assert all(len(edit.examples) == 2 for edit in found)
