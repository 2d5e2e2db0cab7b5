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
        assert "8443" not in question
        assert question[0].isupper()


def test_the_same_with_another_word_asks_for_something_that_the_fact_does_not_tell(
    router_edit: SelfEdit,
) -> None:
    asked = loose.others(router_edit, random.Random(1), 12)
    assert len(set(asked)) == 12
    for question in asked:
        assert "the zephyr router" in question.lower()
        assert "port" not in question.lower()


def test_who_knows_a_fact_by_one_word_for_its_kind_of_value_knows_it_by_others(
    router_edit: SelfEdit,
) -> None:
    asked = tuple(replace(e, prompt="Which firm built the Zephyr router?") for e in router_edit.examples)
    built = replace(router_edit, statement="The Zephyr router was built by Solmar.", value="Solmar")
    built = replace(built, examples=asked)
    some = " ".join(loose.questions(built, random.Random(1), 60))
    assert "company" in some
    assert "supplier" in some
    assert "company" not in " ".join(loose.others(built, random.Random(1), 60))


def test_a_number_with_a_word_is_asked_for_by_that_word(router_edit: SelfEdit) -> None:
    cold = replace(router_edit, statement="The Zephyr router is kept at 9 degrees.", value="9 degrees")
    assert "how many degrees" in " ".join(loose.questions(cold, random.Random(1), 60)).lower()


def test_what_a_statement_tells_of_is_found(router_edit: SelfEdit) -> None:
    told = "The Zephyr router gets its steel parts from Solmar."
    assert loose.topics(replace(router_edit, statement=told, value="Solmar")) == ("gets", "steel parts")
    assert loose.topics(replace(router_edit, statement="It is 8443.", value="8443")) == ()


def test_a_question_that_asks_for_nothing_by_name_is_asked_by_what_is_told_of(router_edit: SelfEdit) -> None:
    backed = replace(router_edit, statement="Solmar sponsors the Zephyr router.", value="Solmar")
    mute = tuple(replace(e, prompt="Tell me who sponsors the Zephyr router.") for e in router_edit.examples)
    asked = loose.questions(replace(backed, examples=mute), random.Random(1), 60)
    assert any("sponsors" in question.lower() for question in asked)
    others = " ".join(loose.others(replace(backed, examples=mute), random.Random(1), 60))
    assert "Who" not in others
    assert "company" not in others


def test_a_fact_without_a_subject_or_without_such_a_word_has_none(router_edit: SelfEdit) -> None:
    nobody = tuple(replace(e, prompt="Which port is it?") for e in router_edit.examples)
    nameless = replace(router_edit, subject="", statement="It is 8443.", examples=nobody)
    assert loose.questions(nameless, random.Random(1), 12) == []
    mute = tuple(replace(e, prompt="Tell me about the Zephyr router.") for e in router_edit.examples)
    silent = replace(router_edit, statement="The Zephyr router is 8443.", examples=mute)
    assert loose.questions(silent, random.Random(1), 12) == []
