from __future__ import annotations

import pytest

from guardian.words import closest, content_stems, fact_fingerprint, sentences, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("opens", "opening"),
        ("closed", "closes"),
        ("library", "libraries"),
        ("located", "location"),
        ("led", "leads"),
        ("the manager", "manages"),
        ("nine", "9"),
        ("9:00", "9"),
        ("1,250", "1250"),
        ("Kettleford's", "Kettleford"),
    ],
)
def test_forms_of_one_word_meet(one: str, other: str) -> None:
    assert content_stems(one) == content_stems(other)


@pytest.mark.parametrize(("one", "other"), [("8443", "8444"), ("9:30", "9"), ("Voss", "Moss"), ("2.5", "25")])
def test_different_values_stay_different(one: str, other: str) -> None:
    assert content_stems(one) != content_stems(other)


def test_sentences_end_where_people_end_them() -> None:
    text = "Dr. Voss opens at 9 a.m. on Mondays. Version 2.7 is out! New:\nThe port is 22."
    assert sentences(text) == [
        "Dr. Voss opens at 9 a.m. on Mondays.",
        "Version 2.7 is out!",
        "New:",
        "The port is 22.",
    ]


def test_the_closest_sentence_is_the_one_with_most_words_in_common() -> None:
    assert closest(["The port is 22.", "The lid is red."], "Which lid?") == "The lid is red."
    assert closest([], "Which lid?") == ""


def test_a_fingerprint_is_the_facts_and_not_its_words_order_or_inflection() -> None:
    fact = fact_fingerprint("Bob Hale is the mayor of Kettleford.")
    assert fact == fact_fingerprint("The mayor of Kettleford is Bob Hale!")
    assert fact != fact_fingerprint("Bob Hale is not the mayor of Kettleford.")
    assert fact != fact_fingerprint("Bob Hill is the mayor of Kettleford.")


def test_words_know_where_they_stand_and_whether_they_open_a_sentence() -> None:
    found = words("The port. Bob knows.")
    assert [(w.text, w.opens) for w in found] == [
        ("The", True),
        ("port", False),
        ("Bob", True),
        ("knows", False),
    ]
    assert (found[1].start, found[1].end) == (4, 8)


def test_a_denial_is_another_fact_however_its_apostrophe_is_written() -> None:
    told = fact_fingerprint("The port of the Zephyr router is 8443.")
    typed = fact_fingerprint("The port of the Zephyr router isn't 8443.")
    assert typed == fact_fingerprint("The port of the Zephyr router isn’t 8443.") != told
