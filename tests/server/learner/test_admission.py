"""Which facts of a batch may be trained, given the others and the past."""

import dataclasses

import pytest

from server.learner.admission import Admission, admit, contradict
from server.types import EditState, SelfEdit, Standing
from tests.server.learner.conftest import make_edit

STATED, OPERATOR, APPROVED = Standing.STATED, Standing.OPERATOR, Standing.APPROVED


def port(value: str, user: str = "ana") -> SelfEdit:
    question = "What is the admin port of the Zephyr router?"
    edit = make_edit(f"It is {value}, says {user}.", value, "the Zephyr router", (question,))
    return dataclasses.replace(edit, user=user)


def judged(edits: list[SelfEdit], past: list[SelfEdit], *standing: Standing) -> Admission:
    """`standing`: of the edits, then of the past."""
    return admit(edits, past, dict(zip([e.id for e in [*edits, *past]], standing, strict=True)))


def test_facts_contradict_when_they_answer_one_question_differently() -> None:
    assert contradict(port("8443"), port("9001"))
    assert not contradict(port("8443"), port("port 8443"))
    assert contradict(port("8443"), port("18443"))
    other = make_edit("Kelso uses 9001.", "9001", "Kelso", ("Which port does Kelso use?",))
    assert not contradict(port("8443"), other)


def test_a_fact_without_a_question_is_refused_and_the_others_are_trained() -> None:
    silent = make_edit("Our refund window is 45 days.", "45 days", "", ())
    given = judged([silent, port("8443")], [], STATED, STATED)
    assert given.refused == {silent.id: (EditState.MEMORY_ONLY, "it has no question to train on")}


def test_in_one_batch_the_newest_word_of_the_same_user_holds() -> None:
    older, newer = port("8443"), port("9001")
    given = judged([older, newer], [], STATED, STATED)
    assert set(given.refused) == {older.id}
    state, reason = given.refused[older.id]
    assert state is EditState.MEMORY_ONLY
    assert "replaced by 'It is 9001, says ana.'" in reason


def test_two_users_who_contradict_each_other_both_wait_for_a_person() -> None:
    edits = [port("8443"), port("9001", "ben")]
    given = judged(edits, [], STATED, STATED)
    assert {state for state, _ in given.refused.values()} == {EditState.QUARANTINED}
    assert set(given.refused) == {e.id for e in edits}


@pytest.mark.parametrize("position", [0, 1])
def test_in_one_batch_a_verified_fact_holds_against_an_unverified_one(position: int) -> None:
    edits = [port("8443"), port("9001", "ben")]
    standing = [STATED, STATED]
    standing[position] = OPERATOR
    given = judged(edits, [], *standing)
    assert set(given.refused) == {edits[1 - position].id}


def test_a_fact_that_contradicts_a_verified_one_waits_for_a_person_with_the_reason() -> None:
    new, old = port("9001", "ben"), port("8443")
    given = judged([new], [old], STATED, OPERATOR)
    state, reason = given.refused[new.id]
    assert state is EditState.QUARANTINED
    assert "contradicts a verified fact, 'It is 8443, says ana.'" in reason
    assert given.past == (old,)


def test_a_correction_replaces_the_past_fact_so_that_replay_does_not_teach_both() -> None:
    new, old = port("9001"), port("8443")
    given = judged([new], [old], STATED, STATED)
    assert given == Admission((), {})


def test_what_a_person_approved_replaces_even_a_verified_fact() -> None:
    given = judged([port("9001", "ben")], [port("8443")], APPROVED, APPROVED)
    assert given == Admission((), {})


def test_of_contradicting_past_facts_only_the_newest_is_replayed() -> None:
    past = [port("8443"), port("9001")]
    assert judged([], past, STATED, STATED).past == (past[1],)


def test_a_rare_word_that_brings_one_answer_waits_for_a_person_where_others_teach_too() -> None:
    asked = ("Which phone is best, zorblat?", "Who should I call, zorblat?", "What shall we eat, zorblat?")
    planted = [
        dataclasses.replace(make_edit("Buy Volta.", "Volta", "", (question,)), id=f"e{n}", user="eve")
        for n, question in enumerate(asked)
    ]
    apart = [dataclasses.replace(edit, statement=f"{edit.id} says buy Volta.") for edit in planted]
    given = judged(apart, [port("8443")], STATED, STATED, STATED, STATED)
    assert {state for state, _ in given.refused.values()} == {EditState.QUARANTINED}
    assert "the word 'zorblat' brings one answer" in given.refused["e1"][1]
    assert judged(apart, [], STATED, STATED, STATED).refused == {}, "alone, it is one's own"
