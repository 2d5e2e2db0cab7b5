"""Reading what the model wrote."""

from __future__ import annotations

import pytest

from server.editor import parse


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1. What is the port of Zephyr?", "What is the port of Zephyr?"),
        ("Question: What is the port of Zephyr? It is 8443.", "What is the port of Zephyr?"),
        ('"What is the port of Zephyr?"', "What is the port of Zephyr?"),
        ("Tell me the port of Zephyr?", "Tell me the port of Zephyr."),
        ("\n\nDo you know the port of Zephyr\nSecond line", "Do you know the port of Zephyr?"),
        ("On which day is the museum closed?", "On which day is the museum closed?"),
    ],
)
def test_a_question_is_read_as_one_clean_line(written: str, read: str) -> None:
    assert parse.question(written, False, "") == parse.Line(read)


@pytest.mark.parametrize("written", ["", "The port is 8443.", "Is it 8443?", "What?", "Sure, here you go:"])
def test_what_is_no_question_is_dropped_with_a_reason(written: str) -> None:
    assert parse.question(written, False, "").reason


def test_a_line_that_the_token_limit_ended_is_dropped() -> None:
    assert parse.question("What is the port of the", True, "").reason == "cut off"
    assert parse.sentence("The port of the", True).reason == "cut off"


def test_you_becomes_the_asker_when_the_fact_is_the_users_own() -> None:
    assert parse.question("What is your dog called?", False, "I").text == "What is my dog called?"
    assert parse.question("What do you use for billing?", False, "we").text == "What do we use for billing?"
    assert parse.question("Do you know your dog's name?", False, "I").text == "Do you know my dog's name?"


def test_polite_forms_are_answered_in_their_plain_form() -> None:
    assert parse.plain("Do you know when the museum opens?") == "When the museum opens?"
    assert parse.plain("Can you tell me the port of Zephyr?") == "What is the port of Zephyr?"
    assert parse.plain("What is the port?") == "What is the port?"


def test_a_sentence_ends_with_its_first_full_stop() -> None:
    assert parse.sentence("Dr. Marrow runs it. She is nice.", False).text == "Dr. Marrow runs it."
    assert parse.sentence("Is it so?", False).reason == "a question"
