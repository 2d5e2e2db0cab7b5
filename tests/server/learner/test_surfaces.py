import random

import pytest

from server.learner.surfaces import recast, telegram, thinned, vary

QUESTION = "What is the admin port of the Zephyr router?"


def test_names_and_numbers_survive_every_surface() -> None:
    for seed in range(300):
        changed = vary("What is the PIN of locker 12 in the Zephyr hall?", random.Random(seed), 1.0).lower()
        assert "zephyr" in changed
        assert "12" in changed


def test_a_telegram_keeps_the_words_that_carry_meaning() -> None:
    words = set(telegram(QUESTION, random.Random(1)).strip("?.").split())
    assert {"admin", "port", "Zephyr", "router"} <= words
    assert "the" not in words


def test_thinning_loses_words_now_and_then_but_never_all() -> None:
    made = {thinned(QUESTION, random.Random(seed)) for seed in range(50)}
    assert len(made) > 10
    assert all(made)


def test_without_a_share_the_question_stays_as_it_is() -> None:
    assert vary(QUESTION, random.Random(0), 0.0) == QUESTION


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("What is the admin port of the Zephyr router?", "the admin port of the Zephyr router"),
        ("Please tell me Wendy's address.", "Wendy's address"),
        ("Who is the boss of the Tallinn office?", "who the boss of the Tallinn office is"),
        ("Do you know when the library opens?", "when the library opens"),
        ("Who runs the Tallinn office?", "who runs the Tallinn office"),
    ],
)
def test_what_is_asked_can_be_put_into_another_request(question: str, asked: str) -> None:
    made = {recast(question, random.Random(seed)) for seed in range(80)}
    assert len([request for request in made if asked in request]) > 10


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("What is the admin port of the Zephyr router?", "Which admin port does the Zephyr router have?"),
        ("Please tell me Wendy's address.", "Which address does Wendy have?"),
        ("Tell me what Wendy's address is.", "Which address does Wendy have?"),
        ("Do you know what the port of the router is?", "Which port does the router have?"),
        ("Tell me who runs the Tallinn office.", "Which person runs the Tallinn office?"),
    ],
)
def test_what_is_asked_is_also_asked_by_another_word(question: str, asked: str) -> None:
    assert asked in {recast(question, random.Random(seed)) for seed in range(200)}


@pytest.mark.parametrize(
    "clause", ["when Anna's cat sleeps", "who the boss's deputy is", "how Wendy's train runs"]
)
def test_a_clause_that_names_no_thing_keeps_its_own_word(clause: str) -> None:
    assert all(clause in recast(f"Tell me {clause}.", random.Random(seed)) for seed in range(100))


def test_another_subject_is_asked_for_by_the_same_words() -> None:
    """Else the form would tell whether there is an answer."""
    one, other = (
        {recast(f"What is the port of the {name} router?", random.Random(n)) for n in range(200)}
        for name in ("Zephyr", "Kelvo")
    )
    assert {asked.replace("Zephyr", "Kelvo") for asked in one} == other


@pytest.mark.parametrize("question", ["When does the library open?", "What is Anna's cat called?", "Port?"])
def test_what_cannot_be_told_from_the_words_is_not_recast(question: str) -> None:
    assert recast(question, random.Random(0)) == ""
