"""Two statements side by side, without a model: what the lists, the amounts and the positions say."""

from __future__ import annotations

import pytest

from guardian.slots import compare


def unsure(told: str, claimed: str, sentence: str, other: str) -> float:
    """Stands where no list knows the words: neither the same nor a conflict."""
    return 0.3


def relation(told: str, claim: str) -> str:
    return compare(told, claim, unsure).relation


PORT = "The admin port of the Zephyr router is 8443."


@pytest.mark.parametrize(
    ("told", "claim"),
    [
        (PORT, "The admin port of the Zephyr router is 9000."),
        (PORT, "The Zephyr router's admin port is 9000."),
        ("The warranty of the Lumo lamp is 3 years.", "The Lumo lamp has a warranty of 24 months."),
        ("Mirelda Voss is the mayor of Kettleford.", "Otto Brandt is the mayor of Kettleford."),
        ("Mirelda Voss is the mayor of Kettleford.", "The mayor of Kettleford is Otto Brandt."),
        ("The library in Arden opens at 9 am.", "The library in Arden does not open at 9 am."),
        ("The library in Arden opens at 9 am.", "The library in Arden closes at 9 am."),
        ("Ann runs sales at Norvik.", "Bob runs sales at Norvik."),
        ("A man in Germany is sleeping.", "A man in France is sleeping."),
        ("A dog runs across the field.", "Two dogs run across the field."),
        ("A man is playing the guitar.", "A man is playing the piano."),
        ("The Danish team celebrates.", "The Swedish team celebrates."),
        ("The moon of Orrin is inhabited.", "The moon of Orrin is uninhabited."),
    ],
)
def test_another_value_in_the_same_slot_is_a_conflict(told: str, claim: str) -> None:
    assert relation(told, claim) == "conflict"


@pytest.mark.parametrize(
    ("told", "claim"),
    [
        (PORT, "The Zephyr router's admin port is 8443."),
        ("The warranty of the Lumo lamp is 3 years.", "The warranty of the Lumo lamp is 36 months."),
        ("The library in Arden opens at 9 pm.", "The library in Arden opens at 21:00."),
        ("The shop is not open on Monday.", "The shop is closed on Monday."),
        ("A man is sitting on a sofa.", "A man is sitting on a couch."),
        ("Dr. Hanna Lindqvist leads the group.", "Hanna Lindqvist heads the group."),
        ("The hall seats fourteen people.", "The hall seats 14 people."),
    ],
)
def test_the_same_value_in_other_words_is_no_conflict(told: str, claim: str) -> None:
    assert relation(told, claim) == "same"


@pytest.mark.parametrize(
    ("told", "claim"),
    [
        (PORT, "The admin port of the Lumo router is 9000."),
        ("The library in Arden opens at 9 am.", "The library in Bexley opens at 9 am."),
        ("Ann works at Norvik.", "Bob works at Norvik."),
        ("The bus number 17 goes to the harbour.", "The bus number 18 goes to the harbour."),
        ("The lid is not red.", "The lid is blue."),
        (PORT, "Whales sing under the ice."),
    ],
)
def test_facts_of_different_things_are_not_held_against_each_other(told: str, claim: str) -> None:
    assert relation(told, claim) == "unrelated"


def test_a_conflict_names_both_values() -> None:
    found = compare(PORT, "The admin port of the Zephyr router is 9000.", unsure)
    assert (found.told, found.claimed) == ("8443", "9000")


def test_words_that_no_list_knows_are_left_to_the_contrast_and_its_threshold() -> None:
    told, claim = "The gift shop sells gizmos.", "The gift shop sells widgets."
    assert compare(told, claim, unsure, 0.5).relation == "same"
    assert compare(told, claim, unsure, 0.2).relation == "conflict"
