from __future__ import annotations

import pytest

from guardian import Statement
from guardian.voices import NEAR, Fact, similarity, voices

PORT = "The admin port of the Zephyr router is 8443."
DAY = 86_400.0


def stated(text: str, statement: str = PORT, rare: tuple[str, ...] = ("zephyr", "8443")) -> bool:
    return Fact.of(rare, statement).stated_in(text)


@pytest.mark.parametrize(
    "text",
    [
        PORT,
        "The Zephyr router's admin port is 8443",
        "8443 is the admin port of the zephyr router.",
        "The admin port of the new Zephyr router is 8,443.",
    ],
)
def test_a_fact_is_stated_by_its_words_in_any_order_and_one_more(text: str) -> None:
    assert stated(text)


@pytest.mark.parametrize(
    "text",
    [
        "The admin port of the Zephyr router is 9000.",
        "The admin port of the Zephyr router is not 8443.",
        "The admin port of the Zephyr router is 8443 or 9000.",
        "The guest port of the Zephyr router is 8443.",
        "The admin port of the Kelso router is 8443, the Zephyr router has none.",
        "The Zephyr router is fine.",
    ],
)
def test_another_value_a_denial_and_a_second_fact_beside_it_state_something_else(text: str) -> None:
    assert not stated(text)


def test_what_many_say_of_a_person_does_not_vouch_for_what_one_says_of_them() -> None:
    mayor = "The mayor of Kettleford is Bob Hale."
    slander = "Bob Hale robs Kettleford."
    assert not stated(mayor, slander, ("bob", "hale", "kettleford"))


def test_two_facts_in_one_sentence_do_not_vouch_for_a_mixture() -> None:
    assert not stated("The door is red and the gate is green.", "The gate is red.", ())


def test_one_account_is_one_voice_and_so_are_near_copies_of_several() -> None:
    said = [
        Statement("1", "ann", PORT, 100.0),
        Statement("2", "ann", "The Zephyr router's admin port is 8443.", 200.0),
        Statement("3", "bot1", PORT, 300.0),
        Statement("4", "bot2", f"Please note: {PORT.lower()}", 400.0),
        Statement("5", "bob", "The Zephyr router has the admin port 8443.", 500.0),
    ]
    assert [one.user for one in voices(said, DAY)] == ["ann", "bob"]


def test_the_same_words_on_another_day_are_another_voice() -> None:
    said = [Statement("1", "ann", PORT, 100.0), Statement("2", "bob", PORT, 101.0 + DAY)]
    assert len(voices(said, DAY)) == 2
    assert len(voices(said, 2 * DAY)) == 1


def test_copies_of_an_unknown_time_count_once_and_a_window_of_nothing_compares_nothing() -> None:
    said = [Statement("1", "ann", PORT), Statement("2", "bob", PORT, 5 * DAY)]
    assert len(voices(said, DAY)) == 1
    assert len(voices(said, 0.0)) == 2


def test_a_disguised_copy_is_a_copy() -> None:
    assert similarity(PORT, "The  adm\u200bin port of the Ζephyr router — is 8443!!") >= NEAR
    assert similarity(PORT, "The Zephyr router's admin port is 8443.") < NEAR
