"""Facts are crossed with each other, and never into a question that one of them answers."""

import random

from server.learner.crossed import Crossings
from server.types import Example, SelfEdit


def edit_of(id: str, statement: str, value: str, subject: str, *questions: str) -> SelfEdit:
    examples = tuple(Example("question", q, statement) for q in questions)
    return SelfEdit(id, "turn", "user", statement, (0, len(statement)), value, subject, examples)


ROUTER = edit_of(
    "router",
    "The admin port of the Zephyr router is 8443.",
    "8443",
    "the Zephyr router",
    "What is the admin port of the Zephyr router?",
    "Tell me the Zephyr router's admin port.",
)
LIBRARY = edit_of(
    "library",
    "The Kelso library opens at 9 am.",
    "9 am",
    "The Kelso library",
    "When does the Kelso library open?",
)
HOURS = edit_of(
    "hours",
    "The Zephyr router is opened on Monday.",
    "Monday",
    "the Zephyr router",
    "When is the Zephyr router opened?",
)
PERSON = edit_of(
    "person", "Harlan Creed plays the violin.", "violin", "Harlan Creed", "What does Harlan Creed play?"
)


def crossed(edits: list[SelfEdit], edit: SelfEdit) -> tuple[set[str], set[str]]:
    crossings, about, elsewhere = Crossings(edits), set(), set()
    for seed in range(40):
        about.add(crossings.about(edit, random.Random(seed)) or "")
        elsewhere.add(crossings.elsewhere(edit, random.Random(seed)) or "")
    return about, elsewhere


def test_what_one_fact_answers_is_asked_about_the_subject_of_another() -> None:
    about, elsewhere = crossed([ROUTER, LIBRARY], ROUTER)
    assert about == {"When does the Zephyr router open?"}
    assert elsewhere == {
        "What is the admin port of the Kelso library?",
        "Tell me the Kelso library's admin port.",
    }


def test_what_any_fact_says_of_the_subject_is_not_asked_as_unknown() -> None:
    about, elsewhere = crossed([ROUTER, LIBRARY, HOURS], ROUTER)
    assert about == {""}
    assert elsewhere == {
        "What is the admin port of the Kelso library?",
        "Tell me the Kelso library's admin port.",
    }
    about, _ = crossed([ROUTER, LIBRARY, HOURS], LIBRARY)
    assert about <= {
        "",
        "What is the admin port of the Kelso library?",
        "Tell me the Kelso library's admin port.",
    }


def test_people_are_not_asked_what_is_asked_of_things() -> None:
    assert crossed([ROUTER, PERSON], PERSON) == ({""}, {""})


def test_a_fact_alone_crosses_nothing() -> None:
    assert crossed([ROUTER], ROUTER) == ({""}, {""})
