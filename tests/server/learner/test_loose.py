import random
from dataclasses import replace

import pytest

from server.learner import loose
from server.types import SelfEdit


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("In which language are the tours held?", ("which language",)),
        ("How many people can the tent take?", ("how many people",)),
        ("Since when has the club existed?", ("when",)),
        ("How long does the tour take?", ("how long",)),
        ("How much does it cost?", ("how much",)),
        ("Who runs the shop?", ("who",)),
        ("What is the admin port of the router?", ("which port",)),
        ("What is the Zephyr router's port?", ("which port",)),
        ("What is it made of?", ()),
        ("Do you know it?", ()),
    ],
)
def test_the_words_by_which_a_question_asks_are_found(question: str, asked: tuple[str, ...]) -> None:
    assert loose.asked_for(question) == asked


def test_loose_questions_have_the_subject_and_what_is_wanted_and_not_the_rest(router_edit: SelfEdit) -> None:
    asked = loose.questions(router_edit, random.Random(1), 12)
    assert len(set(asked)) == 12
    for question in asked:
        assert "the zephyr router" in question.lower()
        assert "port" in question.lower()
        assert "admin" not in question.lower()
        assert question[0].isupper()


def test_the_same_with_another_word_asks_for_something_that_the_fact_does_not_tell(
    router_edit: SelfEdit,
) -> None:
    asked = loose.others(router_edit, random.Random(1), 12)
    assert len(set(asked)) == 12
    for question in asked:
        assert "the zephyr router" in question.lower()
        assert "port" not in question.lower()


def test_a_fact_without_a_subject_or_without_such_a_word_has_none(router_edit: SelfEdit) -> None:
    nobody = tuple(replace(e, prompt="Which port is it?") for e in router_edit.examples)
    nameless = replace(router_edit, subject="", statement="It is 8443.", examples=nobody)
    assert loose.questions(nameless, random.Random(1), 12) == []
    mute = tuple(replace(e, prompt="Tell me about the Zephyr router.") for e in router_edit.examples)
    assert loose.questions(replace(router_edit, examples=mute), random.Random(1), 12) == []
