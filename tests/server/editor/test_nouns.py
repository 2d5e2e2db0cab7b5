"""Questions by the word for the kind of thing that a value is."""

from __future__ import annotations

import pytest

from server.editor import check, nouns
from server.editor.value import Value, find_value

SENTENCE = "The tours of the Marlow castle are given in Welsh."


def value_of(sentence: str) -> Value:
    value = find_value(sentence, [])
    assert value is not None
    return value


@pytest.mark.parametrize("said", ["language", "Language.", " language\n"])
def test_a_word_is_taken_however_it_is_written(said: str) -> None:
    assert nouns.understood(said, SENTENCE) == "language"


@pytest.mark.parametrize("said", ["", "I do not know that.", "thing", "Time", "castles", "S-12"])
def test_what_is_no_word_too_vague_or_in_the_statement_is_not(said: str) -> None:
    assert nouns.understood(said, SENTENCE) == ""


def test_only_values_without_a_question_word_or_a_noun_of_their_own_want_one() -> None:
    assert nouns.wanted(value_of(SENTENCE))
    assert not nouns.wanted(value_of("The bakery on Quill Street opens at 7 am."))
    assert not nouns.wanted(value_of("The port of Zephyr is 8443."))


def test_its_questions_pass_the_checks_and_without_a_word_there_are_none() -> None:
    found = nouns.questions(SENTENCE, value_of(SENTENCE), "language")
    assert "In which language are the tours of the Marlow castle given?" in found
    assert [check.question_objection(q, SENTENCE, value_of(SENTENCE), by_table=True) for q in found] == [
        ""
    ] * len(found)
    assert nouns.questions(SENTENCE, value_of(SENTENCE), "") == ()
