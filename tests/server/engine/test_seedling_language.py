"""The generator's promises. How well the model speaks the language is scripts/eval_seedling.py, not here."""

from __future__ import annotations

import random

import pytest

from server.editor.scaffold import ANSWER, OPENERS, QUESTION, REWRITE, Task, answer_input
from server.engine.seedling_bank import BANK, GENERAL_HELD_OUT, GENERAL_QUESTIONS
from server.engine.seedling_forms import FORMS
from server.engine.seedling_language import Fact, facts, neighbours, untold, wordings
from server.engine.seedling_talk import Conversation, Scaffold, Talk
from server.engine.seedling_words import Words
from server.types import ABSTENTION

SCAFFOLD = Scaffold(ABSTENTION, REWRITE, QUESTION, ANSWER, OPENERS, answer_input)


def one_of_each_form() -> list[Fact]:
    """A fact of every form, told of somebody else."""
    words = Words(random.Random(3))
    drawn = []
    for form in FORMS:
        subject = {"house": "we", "office": "the Arden office"}.get(form.subject) or words.draw(form.subject)
        drawn.append(Fact(form, subject, words.draw(form.value)))
    return drawn


def conversations(n: int, seed: int = 5) -> list[Conversation]:
    """The first conversations of a talk."""
    talk = Talk(random.Random(seed), SCAFFOLD)
    return [talk.conversation() for _ in range(n)]


def test_equal_seeds_draw_equal_facts_and_equal_conversations() -> None:
    assert facts(4, 10) == facts(4, 10)
    assert facts(4, 10) != facts(5, 10)
    assert conversations(20) == conversations(20)


def test_facts_of_one_draw_share_neither_subject_nor_value() -> None:
    drawn = facts(1, 60)
    assert len({fact.subject for fact in drawn}) == len({fact.value for fact in drawn}) == 60


def test_facts_are_of_others_unless_own_facts_are_asked_for() -> None:
    assert all(fact.subject not in ("I", "we") for fact in facts(2, 100))
    assert any(fact.subject == "I" for fact in facts(2, 100, own=True))


@pytest.mark.parametrize("fact", one_of_each_form(), ids=lambda fact: fact.form.key)
def test_every_form_is_said_with_its_value_and_asked_without_it(fact: Fact) -> None:
    assert len(fact.statements) >= 3
    assert len(fact.questions) >= 10
    assert all(fact.value in said for said in (*fact.statements, fact.answer))
    assert not any(
        mark in text for text in (*fact.statements, *fact.questions, fact.answer) for mark in "{}[]<>|"
    )
    named = "" if fact.subject == "we" else fact.subject.removeprefix("the ")
    assert all(named in text for text in (*fact.statements, *fact.questions, fact.answer))


@pytest.mark.parametrize("fact", one_of_each_form(), ids=lambda fact: fact.form.key)
def test_every_opener_of_the_editor_begins_a_wording_of_every_form(fact: Fact) -> None:
    assert set(wordings(fact, OPENERS)) == set(OPENERS)


def test_what_a_user_says_of_themselves_is_answered_to_them() -> None:
    own = [fact for fact in facts(8, 300, own=True) if fact.subject == "I"]
    assert own
    for fact in own:
        assert fact.answer.startswith(("Your ", "You ")), fact.answer
        assert not any(" me " in f" {text[:-1]} ".split(" tell me ")[-1] for text in fact.questions[:3])


def test_unseen_names_never_occur_in_training() -> None:
    seen = {Words(random.Random(seed)).coined() for seed in range(3000)}
    unseen = {Words(random.Random(seed), unseen=True).coined() for seed in range(500)}
    assert not seen & unseen


def test_neighbours_ask_what_the_fact_does_not_answer() -> None:
    rng = random.Random(0)
    for fact in facts(6, 80):
        other, same = neighbours(fact, rng)
        name = fact.subject.removeprefix("the ")
        assert name in other
        assert name not in same
        assert {other, same}.isdisjoint(fact.questions)


def test_untold_questions_are_many_and_different() -> None:
    assert len(set(untold(1, 100))) > 95


def test_general_knowledge_has_five_trained_wordings_and_one_kept_out() -> None:
    assert 100 <= len(GENERAL_QUESTIONS) == len(GENERAL_HELD_OUT) <= 150
    trained = {wording for known in BANK for wording in known.questions}
    assert all(len(known.questions) >= 5 for known in BANK)
    assert not trained & {question for question, _ in GENERAL_HELD_OUT}
    assert all(any(part in known.answer for part in known.accepted) for known in BANK)


def test_conversations_alternate_and_end_with_the_assistant() -> None:
    for conversation in conversations(300):
        roles = [message.role for message in conversation.messages if message.role != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert conversation.given < len(conversation.messages)


def test_a_question_without_context_is_answered_with_the_abstention_alone() -> None:
    talk = Talk(random.Random(1), SCAFFOLD)
    firsts = [next(m for m in talk.untold().messages if m.role == "assistant").content for _ in range(50)]
    assert set(firsts) == {ABSTENTION}


@pytest.mark.parametrize("task", SCAFFOLD.tasks, ids=lambda task: task.name)
def test_self_edits_are_asked_for_exactly_as_the_editor_asks(task: Task) -> None:
    talk = Talk(random.Random(2), SCAFFOLD)
    drawn = [talk.self_edit(task) for _ in range(50)]
    real = [conversation for conversation in drawn if conversation.given]
    assert len(real) > 10
    for conversation in real:
        asked = conversation.messages[: conversation.given + 1]
        assert asked == task.messages(asked[-1].content)


def test_a_rewrite_says_the_same_fact_in_other_words() -> None:
    talk = Talk(random.Random(3), SCAFFOLD)
    for _ in range(100):
        given, wanted = talk.piece(REWRITE)
        assert wanted not in given
