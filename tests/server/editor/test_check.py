"""The self-checks: what a piece must not do."""

from __future__ import annotations

import pytest

from server.editor import check
from server.editor.value import Value, find_value


def value_of(statement: str) -> Value:
    found = find_value(statement, [])
    assert found is not None
    return found


PORT = "The admin port of the Zephyr router is 8443."
VOSS = "Mirelda Voss is in charge of the Halden warehouse."
MUSEUM = "The Fenwick museum is closed on Mondays."
DOG = "My dog is called Rex."


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        (PORT, "What is the admin port of the Zephyr router?"),
        (PORT, "Which admin port does the Zephyr router have?"),
        (PORT, "Tell me the admin port of the Zephyr router."),
        (VOSS, "Who is responsible for the Halden warehouse?"),
        (VOSS, "Can you tell me who is in charge of the Halden warehouse?"),
        (MUSEUM, "On which day is the Fenwick museum closed?"),
        ("The team can be reached at extension 4410.", "What is the extension of the team?"),
        ("Ilse Marrow founded the Penrose clinic in 1987.", "When did Ilse Marrow start the Penrose clinic?"),
        (DOG, "What is my dog's name?"),
    ],
)
def test_good_questions_pass(statement: str, question: str) -> None:
    assert check.question_objection(question, statement, value_of(statement)) == ""


@pytest.mark.parametrize(
    ("statement", "question", "reason"),
    [
        (PORT, "Is the admin port of the Zephyr router 8443 or what?", "holds the answer"),
        (PORT, "Who is the admin port of the Zephyr router?", "does not ask for a thing"),
        (PORT, "How many ports does the Zephyr router have?", "does not ask for a thing"),
        (PORT, "What is the admin port of the Kelso router?", "brings in the name Kelso"),
        (PORT, "What is the admin port 22 of the Zephyr router?", "brings in the number 22"),
        (PORT, "What is its admin port?", "holds an unresolved pronoun"),
        (PORT, "What is not the admin port of the Zephyr router?", "turns the statement round"),
        (PORT, "What do you think of the admin port of the Zephyr router?", "speaks of the assistant"),
        (PORT, "What is the Zephyr router?", "leaves out 'port'"),
        (VOSS, "Who owns the Halden warehouse?", "asks for something else: own"),
        (VOSS, "Where is the Halden warehouse?", "does not ask for a person"),
        (MUSEUM, "What is the day of the Fenwick museum?", "leaves out 'closed'"),
        (DOG, "What is the dog's name?", "loses whose fact it is"),
        (
            "We use Jenkins for the billing service.",
            "Which company is the billing service?",
            "leaves out 'use'",
        ),
        (DOG, "What is my dog?", "asks what it is, not what it is called"),
        (PORT, "What is the port of the port of the Zephyr router?", "broken grammar"),
        ("The release of Corvane is on March 14.", "When does the release of Corvane?", "broken grammar"),
    ],
)
def test_questions_that_would_teach_wrong_things_are_dropped(
    statement: str, question: str, reason: str
) -> None:
    assert check.question_objection(question, statement, value_of(statement)) == reason


def test_a_worked_example_is_not_taken_for_writing() -> None:
    copied = "When does the library in Arden open?"
    statement = "The library in Barden opens at 8 am."
    assert check.question_objection(copied, statement, value_of(statement)) == "copies a worked example"
    rewrite = "The Lumo lamp comes with a warranty of 3 years."
    lamp = "The warranty of the Lumo lamp is 3 years."
    assert (
        check.rewrite_objection(rewrite, lamp, "the Lumo lamp", value_of(lamp)) == "copies a worked example"
    )


@pytest.mark.parametrize(
    ("answer", "fails"),
    [
        ("The admin port of the Zephyr router is 8443.", False),
        ("8443.", False),
        ("The Zephyr router has 8 ports.", True),
        ("The admin port is 8443 or 9000.", True),
        ("The admin port is not 8443.", True),
        ("The admin port is 8443 miles beyond lovely mountains.", True),
    ],
)
def test_an_answer_must_hold_the_value_and_nothing_else_that_is_new(answer: str, fails: bool) -> None:
    question = "What is the admin port of the Zephyr router?"
    assert bool(check.answer_objection(answer, question, PORT, value_of(PORT))) is fails


def test_only_whole_sentences_that_say_the_same_are_trained_as_they_are() -> None:
    def full(answer: str) -> bool:
        return check.is_full_answer(answer, VOSS, "the Halden warehouse", value_of(VOSS))

    assert full("Mirelda Voss is in charge of the Halden warehouse.")
    assert not full("Mirelda Voss.")
    assert not full("Yes, Mirelda Voss is in charge of the Halden warehouse.")
    assert not full("The Halden warehouse is in charge of Mirelda Voss.")
    assert not full("The Halden warehouse is the Mirelda Voss.")


@pytest.mark.parametrize(
    ("rewrite", "reason"),
    [
        ("Mirelda Voss is responsible for the Halden warehouse.", ""),
        ("The Halden warehouse is led by Mirelda Voss.", ""),
        (VOSS, "repeats the sentence"),
        ("The Halden warehouse is led by Mirel Alden.", "loses the value"),
        ("Mirelda Voss is in charge of a warehouse.", "loses the subject"),
        ("The Halden warehouse is in charge of Mirelda Voss.", "changes who does what"),
        ("Mirelda Voss is in charge of the Halden warehouse in Oslo.", "brings in the name Oslo"),
        ("Mirelda Voss is not in charge of the Halden warehouse.", "turns the statement round"),
        ("Mirelda Voss is the Halden warehouse.", "strays from the sentence"),
        ("Mirelda Voss is in love with the Halden warehouse.", "strays from the sentence"),
    ],
)
def test_a_rewrite_keeps_names_roles_and_polarity(rewrite: str, reason: str) -> None:
    assert check.rewrite_objection(rewrite, VOSS, "the Halden warehouse", value_of(VOSS)) == reason


@pytest.mark.parametrize(
    ("statement", "rewrite", "subject"),
    [
        ("Our head office moved to Lindgarten.", "Our head office moved from Lindgarten.", "our head office"),
        ("Deliveries from Ashby arrive on Thursday.", "Deliveries to Ashby arrive on Thursday.", "Ashby"),
        ("The build of Orlan takes 22 minutes.", "The build of Orlan takes at least 22 minutes.", "Orlan"),
    ],
)
def test_a_rewrite_must_not_turn_a_direction(statement: str, rewrite: str, subject: str) -> None:
    reason = check.rewrite_objection(rewrite, statement, subject, value_of(statement))
    assert reason.startswith(("changes '", "strays"))


def test_a_rewrite_must_not_count_something_else() -> None:
    rewrite = "The Zephyr router has admin 8443 ports."
    assert (
        check.rewrite_objection(rewrite, PORT, "the Zephyr router", value_of(PORT)) == "counts something else"
    )
