"""Finding what a statement answers and what it is about."""

from __future__ import annotations

import pytest

from server.editor.kinds import Kind
from server.editor.value import find_subject, find_value, is_about


@pytest.mark.parametrize(
    ("statement", "questions", "value", "kind"),
    [
        ("The port of Zephyr is 8443.", ["What is the port of Zephyr?"], "8443", Kind.THING),
        (
            "Mirelda Voss is in charge of Halden.",
            ["Who is in charge of Halden?"],
            "Mirelda Voss",
            Kind.PERSON,
        ),
        ("Our refund window is 45 days.", ["How long is our refund window?"], "45 days", Kind.DURATION),
        ("The release is on March 14.", ["When is the release?"], "March 14", Kind.DATE),
        ("The bakery opens at 7 am.", ["When does the bakery open?"], "7 am", Kind.TIME),
        ("The Borealis plan costs 29 euros.", ["What is the price of Borealis?"], "29 euros", Kind.MONEY),
        ("The house in Varnholm has 14 rooms.", ["How many rooms are in Varnholm?"], "14 rooms", Kind.COUNT),
        ("My dog is called Rex.", ["What is my dog called?"], "Rex", Kind.THING),
        ("The server is located in Frankfurt.", ["Where is the server?"], "Frankfurt", Kind.PLACE),
        ("Umbra uses PostgreSQL 16.", ["Which PostgreSQL does Umbra use?"], "PostgreSQL 16", Kind.THING),
        ("The museum is closed on Mondays.", ["When is the museum closed?"], "Mondays", Kind.DAY),
        ("Our head office moved to Lindgarten.", ["Where did it move?"], "Lindgarten", Kind.PLACE),
        ("The Lumo lamp weighs 2.3 kg.", ["What is the weight of the lamp?"], "2.3 kg", Kind.MEASURE),
    ],
)
def test_the_value_is_what_the_questions_leave_out(
    statement: str, questions: list[str], value: str, kind: Kind
) -> None:
    found = find_value(statement, questions)
    assert found is not None
    assert (found.text, found.kind) == (value, kind)
    assert statement[found.start : found.end] == value


def test_a_statement_without_anything_to_answer_has_no_value() -> None:
    assert find_value("We are.", ["What is it?"]) is None


def test_the_subject_stands_literally_in_the_questions_and_holds_the_name() -> None:
    statement = "The admin port of the Zephyr router is 8443."
    value = find_value(statement, ["What is the admin port of the Zephyr router?"])
    assert value is not None
    questions = ["Which admin port does the Zephyr router have?", "Tell me the Zephyr router's admin port."]
    subject = find_subject(statement, value, questions)
    assert subject == "the Zephyr router"
    assert all(is_about(question, subject) for question in questions)
    assert not is_about("Which admin port is it?", subject)


def test_a_possessive_names_the_owner_as_subject() -> None:
    statement = "The Zephyr router's admin port is 8443."
    questions = ["What is the admin port of the Zephyr router?", "What is the Zephyr router's admin port?"]
    value = find_value(statement, questions)
    assert value is not None
    assert (value.text, find_subject(statement, value, questions)) == ("8443", "the Zephyr router")


def test_without_a_common_word_there_is_no_subject() -> None:
    statement = "The port of Zephyr is 8443."
    value = find_value(statement, [])
    assert value is not None
    assert find_subject(statement, value, ["What is it?"]) == ""
    assert not is_about("What is it?", "")


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("The lid of the Marfa kettle bears a crane.", "crane"),
        ("The Sundby mill grinds spelt.", "spelt"),
        ("The Halvar bridge spans the river Tove.", "river Tove"),
        ("The roof of the Pelling barn leaks above the loft.", "loft"),
        ("The Vesper hotel sits across from the fish market.", "fish market"),
        ("Room 12 smells of paint.", "paint"),
        ("We use Jenkins for the billing service.", "Jenkins"),
        ("Oskar Lind runs the Tallinn office.", "Oskar Lind"),
    ],
)
def test_the_value_stands_where_the_verb_points_though_questions_garble_the_names(
    statement: str, value: str
) -> None:
    found = find_value(statement, ["What is the Marfling kettle?", "Tell me what Room 21 is."])
    assert found is not None
    assert found.text == value
