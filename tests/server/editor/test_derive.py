"""Wordings made by rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.editor import check, derive
from server.editor.kinds import Kind
from server.editor.value import find_value


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("The port of Zephyr is 8443.", "What is the port of Zephyr?"),
        ("Our main supplier is Brastin Metals.", "What is our main supplier?"),
        ("The head of sales is Ottilie Brandt.", "Who is the head of sales?"),
        ("The bakery on Quill Street opens at 7 am.", "When does the bakery on Quill Street open?"),
        ("Our head office moved to Lindgarten.", "Tell me where our head office moved."),
        ("The Kestrel drone can fly for 35 minutes.", "How long can the Kestrel drone fly?"),
        ("The guest house has 14 rooms.", "How many rooms does the guest house have?"),
        ("Oskar Lind runs the Tallinn office.", "Tell me who runs the Tallinn office."),
        ("Project Umbra uses PostgreSQL 16.", "What does Project Umbra use?"),
        (
            "The tram to Oakmere leaves from platform seven.",
            "From which platform does the tram to Oakmere leave?",
        ),
        ("The archive keeps its maps in room 214.", "Tell me in which room the archive keeps its maps."),
        ("The reset link expires after 30 minutes.", "When does the reset link expire?"),
        ("Invoices at Brasmore are due within 21 days.", "When are invoices at Brasmore due?"),
        ("Lunch is served at half past twelve.", "When is lunch served?"),
        ("The Lisbon team meets every Tuesday at 10.", "Tell me when the Lisbon team meets every Tuesday."),
        ("My dog is called Rex.", "What is my dog called?"),
    ],
)
def test_a_statement_gives_grammatical_questions_that_pass_the_self_check(statement: str, first: str) -> None:
    value = find_value(statement, [])
    assert value is not None
    found = derive.questions(statement, value, [])
    assert found[0] == first
    assert len(set(found)) == len(found) >= 6
    assert [check.question_objection(question, statement, value) for question in found] == [""] * len(found)


@pytest.mark.parametrize(
    "statement",
    [
        "We painted the walls in 1987.",
        "Mara Voss planted the roses in 1987.",
        "Mara Voss drew the maps in 1987.",
    ],
)
def test_a_noun_behind_the_verb_is_not_taken_for_it(statement: str) -> None:
    value = find_value(statement, [])
    assert value is not None
    assert [question for question in derive.questions(statement, value, []) if " does " in question] == []


def test_the_models_own_questions_come_before_those_of_the_statement() -> None:
    statement = "Oskar Lind runs the Tallinn office."
    value = find_value(statement, [])
    assert value is not None
    found = derive.questions(statement, value, ["Who leads the Tallinn office?"])
    assert found[0] == "Tell me who leads the Tallinn office."


@pytest.mark.parametrize(
    ("statement", "turned"),
    [
        ("The admin port of the Zephyr router is 8443.", "What is the Zephyr router's admin port?"),
        ("The head of sales at Norvik is Ottilie Brandt.", ""),
        ("The boss of the Tallinn office is Oskar Lind.", "Who is the Tallinn office's boss?"),
        ("Zephyr's port is 8443.", "What is the port of Zephyr?"),
        ("My dog's name is Rex.", "What is the name of my dog?"),
        ("The bakery opens at 7 am.", ""),
    ],
)
def test_who_has_what_is_also_asked_in_the_other_order(statement: str, turned: str) -> None:
    value = find_value(statement, [])
    assert value is not None
    found = derive.owned(value)
    assert (found[0] if found else "") == turned
    assert [check.question_objection(question, statement, value) for question in found] == [""] * len(found)


@pytest.mark.parametrize(
    ("question", "subject", "turned"),
    [
        (
            "What is the Rokrin drill's version?",
            "the Rokrin drill",
            "What is the version of the Rokrin drill?",
        ),
        (
            "Do you know the budget of the Womoux camera?",
            "the Womoux camera",
            "Do you know the Womoux camera's budget?",
        ),
        (
            "Tell me who the Foumen team's supplier is.",
            "the Foumen team",
            "Tell me who the supplier of the Foumen team is.",
        ),
        ("Tell me the number of the train to Miflul.", "Miflul", "Tell me the train to Miflul's number."),
        ("What is Wendy Dikound's cat called?", "Wendy Dikound", ""),
        ("Which name does Wendy Dikound's cat have?", "Wendy Dikound", ""),
        ("When does the Crem store close?", "the Crem store", ""),
        ("What is the port?", "", ""),
    ],
)
def test_a_question_is_turned_to_the_other_order_of_owner_and_owned(
    question: str, subject: str, turned: str
) -> None:
    assert derive.turned(question, subject) == turned


def test_forms_that_the_models_own_questions_lack_are_added() -> None:
    asked = ["Who is the Foumen team's supplier?", "Which person is the Foumen team's supplier?"]
    assert derive.otherwise(asked, "the Foumen team") == [
        "Who is the supplier of the Foumen team?",
        "Do you know who the Foumen team's supplier is?",
        "Tell me the Foumen team's supplier.",
        "Tell me who the supplier of the Foumen team is.",
        "Which person is the supplier of the Foumen team?",
    ]
    assert derive.otherwise(["When does the store open?"], "the store") == []


def test_an_answer_at_the_end_of_a_question_is_cut_off() -> None:
    value = find_value("The museum is closed on Mondays.", [])
    assert value is not None
    asked = "Do you know when the museum is closed on Mondays?"
    assert derive.without_answer(asked, value) == "Do you know when the museum is closed?"
    assert derive.without_answer("Who is closed on Mondays at noon?", value) == ""


def test_only_the_form_x_is_value_is_turned_round() -> None:
    for statement, turned in (
        ("The port of Zephyr is 8443.", "8443 is the port of Zephyr."),
        ("Sunhaven is the capital of Eldoria.", "The capital of Eldoria is Sunhaven."),
        ("Zephyr's port is 8443.", "8443 is Zephyr's port."),
        ("Oskar Lind runs the Tallinn office.", ""),
        ("The museum is closed on Mondays.", ""),
    ):
        value = find_value(statement, [])
        assert value is not None
        assert derive.inversion(statement, value) == turned


@pytest.mark.parametrize(
    ("statement", "noun", "asked"),
    [
        (
            "The tours of the Marlow castle are given in Welsh.",
            "language",
            [
                "In which language are the tours of the Marlow castle given?",
                "What language are the tours of the Marlow castle given in?",
                "Tell me what language the tours of the Marlow castle are given in.",
                "Can you tell me in what language the tours of the Marlow castle are given?",
            ],
        ),
        (
            "The flag of the Norvik club shows an owl.",
            "bird",
            [
                "Which bird does the flag of the Norvik club show?",
                "Do you know which bird the flag of the Norvik club shows?",
            ],
        ),
        (
            "The Orlo glue must be kept at 12 degrees.",
            "temperature",
            ["At which temperature must the Orlo glue be kept?"],
        ),
        ("The hall smells of cedar.", "wood", ["What wood does the hall smell of?"]),
    ],
)
def test_the_word_for_the_kind_of_value_gives_grammatical_questions(
    statement: str, noun: str, asked: list[str]
) -> None:
    value = find_value(statement, [])
    assert value is not None
    found = derive.named(statement, value, noun)
    assert set(asked) <= set(found)
    assert len(found) == len(set(found)) >= 6


def test_what_a_measured_thing_is_kept_at_keeps_its_preposition() -> None:
    statement = "The Orlo glue must be kept at 12 degrees."
    value = find_value(statement, [])
    assert value is not None
    assert derive.questions(statement, value, [])[0] == "What must the Orlo glue be kept at?"


def test_who_something_is_had_from_keeps_its_preposition() -> None:
    statement = "The Orlo diner buys its flour from Petra Lund."
    value = find_value(statement, [])
    assert value is not None
    somebody = replace(value, kind=Kind.PERSON)
    assert derive.questions(statement, somebody, [])[0] == "Tell me who the Orlo diner buys its flour from."


@pytest.mark.parametrize(
    "statement", ["In May, the fair is held in Arden.", "A boat that sails at dawn uses coal."]
)
def test_no_word_is_put_into_forms_that_the_rule_does_not_know(statement: str) -> None:
    value = find_value(statement, [])
    assert value is not None
    assert derive.named(statement, value, "fuel") == []
