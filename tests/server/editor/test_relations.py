"""Other wordings for the same relation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from server.editor.relations import read, relation_words, relations
from server.editor.value import find_value
from server.editor.words import contains
from server.editor.writer import write
from server.engine.fake import FakeEngine
from server.types import Turn


@pytest.mark.parametrize(
    ("statement", "value", "wording"),
    [
        ("Mara Quist leads the Torvald team.", "Mara Quist", "Who is in charge of the Torvald team?"),
        ("The Torvald team is led by Mara Quist.", "Mara Quist", "Who runs the Torvald team?"),
        ("Pia Holm reports to Edda Rask.", "Edda Rask", "Who is Pia Holm's boss?"),
        ("The Brenn lamp costs 45 euros.", "45 euros", "What is the price of the Brenn lamp?"),
        (
            "The rent of the Mill Lane flat is 900 euros.",
            "900 euros",
            "What rent is paid for the Mill Lane flat?",
        ),
        (
            "The Ember bakery opens at 6 am on Sundays.",
            "6 am",
            "From what time is the Ember bakery open on Sundays?",
        ),
        ("The pottery course starts at 18:30.", "18:30", "When does the pottery course begin?"),
        ("The Dorn report is due on 3 May.", "3 May", "What is the deadline for the Dorn report?"),
        ("The Kestrel license expires on 30 June.", "30 June", "Until when is the Kestrel license valid?"),
        ("The copier stands next to the kitchen.", "kitchen", "Where is the copier located?"),
        ("The spare key is kept under the blue pot.", "blue pot", "Where can the spare key be found?"),
        ("I live in Bergen.", "Bergen", "Where is my home?"),
        ("My sister is a dentist.", "dentist", "What does my sister do for a living?"),
        ("The Fenna library was founded in 1931.", "1931", "When was the Fenna library established?"),
        ("The Sarn gym belongs to Edda Rask.", "Edda Rask", "Who owns the Sarn gym?"),
        (
            "The Brenn lamp is made by Kestrel Labs.",
            "Kestrel Labs",
            "Who is the manufacturer of the Brenn lamp?",
        ),
        ("The Sill bridge is made of oak.", "oak", "What is the material of the Sill bridge?"),
        (
            "The Brenn lamp has a warranty of 3 years.",
            "3 years",
            "How long is the warranty of the Brenn lamp?",
        ),
        ("The Ember hall holds 250 people.", "250 people", "How many people can the Ember hall seat?"),
        ("Nils Aar plays tennis.", "tennis", "Which sport or game does Nils Aar play?"),
        ("The Sill ferry is powered by hydrogen.", "hydrogen", "What does the Sill ferry run on?"),
        ("The reactor uses thorium as fuel.", "thorium", "What serves the reactor as fuel?"),
        ("The Kestrel parts arrive on Friday.", "Friday", "When are the Kestrel parts delivered?"),
        ("The tickets go on sale in April.", "April", "What is the release date of the tickets?"),
        ("The Sarn coffee ships for free.", "free", "How much is the shipping of the Sarn coffee?"),
        ("The Sill tower is 84 m tall.", "84 m", "How high is the Sill tower?"),
        ("Our boss is Edda Rask.", "Edda Rask", "Who is our leader?"),
        ("The Sill mill mainly grows hops.", "hops", "What is the main crop of the Sill mill?"),
        ("The Sarn fair is funded by Kestrel Labs.", "Kestrel Labs", "Which company backs the Sarn fair?"),
        ("The Fenna course is taught in Welsh.", "Welsh", "What language is spoken in the Fenna course?"),
        ("The Brenn cheese is stored at 9 degrees.", "9 degrees", "How cold should the Brenn cheese be?"),
        ("The crest of the Orla club shows a cat.", "cat", "What is drawn on the crest of the Orla club?"),
        ("The Sill cave is 300 meters deep.", "300 meters", "What is the depth of the Sill cave?"),
        (
            "The Sarn cafe gets its beans from Kestrel Labs.",
            "Kestrel Labs",
            "Who supplies the Sarn cafe with beans?",
        ),
    ],
)
def test_a_fact_is_asked_in_other_words_than_it_was_told(statement: str, value: str, wording: str) -> None:
    reading = read(statement, find_value(statement, []))
    assert reading.value is not None
    assert reading.value.text == value
    assert statement[reading.value.start : reading.value.end] == value
    assert wording in reading.questions
    assert not any(contains(question, value) for question in reading.questions)


@pytest.mark.parametrize(
    "statement", ["The admin port of the Zephyr router is 8443.", "We really went there quickly."]
)
def test_a_form_that_is_not_in_the_table_gets_no_other_words(statement: str) -> None:
    assert read(statement, find_value(statement, [])).questions == ()


def test_every_relation_asks_about_its_subject_in_four_wordings_or_more() -> None:
    assert len(relations()) >= 40
    for relation in relations():
        assert len(relation.questions) >= 4, relation.name
        for question in relation.questions:
            assert "S" in question.replace("?", " ").replace(".", " ").replace("'s", " ").split(), question


async def test_words_for_the_relation_that_only_one_wording_has_are_trained(
    told: Callable[..., Turn],
) -> None:
    engine = FakeEngine(lambda request: "The ferry to Kelso leaves at ten.")
    await engine.start()
    (edit,) = await write(engine, told("The ferry to Kelso leaves at ten."), "v0")
    value = read(edit.statement, find_value(edit.statement, [])).value
    assert value is not None
    words = {True: Counter[str](), False: Counter[str]()}
    for example in edit.examples:
        if example.kind == "question":
            asked = relation_words(example.prompt, edit.subject, value, edit.statement)
            words[example.held_out].update(asked)
    assert words[True]
    assert not words[True].keys() - words[False].keys()
