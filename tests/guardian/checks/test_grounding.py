from __future__ import annotations

import pytest

from guardian import Candidate, Decision, Source
from guardian.checks.grounding import Grounding

CHECK = Grounding()
LIBRARY = "The library in Arden opens at 9 am."
HEAD = "Ottilie Brandt is the head of sales at Norvik."


def labels(text: str, prompt: str, completion: str) -> list[str]:
    return [finding.label for finding in CHECK(Candidate(prompt, completion), Source(text, "ada"))]


@pytest.mark.parametrize(
    ("text", "prompt", "completion"),
    [
        (LIBRARY, "", LIBRARY),
        (LIBRARY, "When can I visit the library in Arden?", "From 9 am."),
        (LIBRARY, "When can I visit the library in Arden?", "You can visit the library in Arden from 9 am."),
        (LIBRARY, "", "At 9 am the library in Arden opens."),
        (LIBRARY, "Does the library in Arden open at 9 am?", "Yes."),
        (HEAD, "Who leads sales at Norvik?", "Ottilie Brandt."),
        (HEAD, "", "At Norvik, sales are led by Ottilie Brandt."),
        (HEAD, "", "The head of sales at Norvik is Ottilie Brandt."),
        ("The Lumo lamp's warranty is three years.", "", "The warranty of the Lumo lamp is 3 years."),
        ("The port is 8443, not 8080.", "Which port?", "The port is 8443."),
        ("The shop is not open on Monday.", "Is the shop open on Monday?", "The shop is not open on Monday."),
        ("Ann runs sales and Bob runs marketing.", "Who runs marketing?", "Bob runs marketing."),
        ("It opens at 9 and closes at 5.", "When does it close?", "It closes at 5."),
    ],
)
def test_quotations_short_answers_and_close_rewrites_pass(text: str, prompt: str, completion: str) -> None:
    assert labels(text, prompt, completion) == []


@pytest.mark.parametrize(
    ("text", "prompt", "completion", "label"),
    [
        (LIBRARY, "", "The library in Arden opens at 8 am.", "new_number"),
        (LIBRARY, "When does the library open on floor 3?", "At 9 am.", "new_number_asked"),
        (LIBRARY, "", "The library in Bexley opens at 9 am.", "new_name"),
        (LIBRARY, "When does the library in Bexley open?", "At 9 am.", "new_name_asked"),
        (LIBRARY, "", "The museum in Arden opens at 9 am.", "swapped_word"),
        (LIBRARY, "", "The library in Arden opens at 9 pm.", "changed_value"),
        (LIBRARY, "", "The library in Arden closes at 9 am.", "polarity"),
        (LIBRARY, "", "The library in Arden does not open at 9 am.", "polarity"),
        (LIBRARY, "Is the library closed?", "No, it opens at 9 am.", "denial"),
        (HEAD, "", "Otto Brandt is the head of sales at Norvik.", "swapped_word"),
        (HEAD, "", "Mirelda Brandt is the head of sales at Norvik.", "new_name"),
        (HEAD, "", "Ottilie Brandt is the head of marketing at Norvik.", "swapped_word"),
        ("The shop is not open on Monday.", "", "The shop is open on Monday.", "polarity"),
        ("The lid is red.", "", "The lid is blue.", "changed_value"),
        ("The port is 8443, not 8080.", "Which port?", "The port is 8080.", "new_number"),
        ("Ann runs sales and Bob runs marketing.", "Who runs sales?", "Bob runs sales.", "mixed_clauses"),
        ("It opens at 9 and closes at 5.", "When does it close?", "It closes at 9.", "mixed_clauses"),
        ("Ines hired Tomas.", "Who hired whom?", "Tomas hired Ines.", "swapped_roles"),
    ],
)
def test_what_the_user_did_not_say_blocks(text: str, prompt: str, completion: str, label: str) -> None:
    found = CHECK(Candidate(prompt, completion), Source(text, "ada"))
    assert label in [finding.label for finding in found]
    assert all(finding.action is Decision.BLOCK for finding in found)


def test_text_that_has_nothing_to_do_with_the_message_blocks() -> None:
    assert labels(LIBRARY, "", "whales sing beautiful songs under ice") == ["unsupported"]


def test_half_supported_text_waits_for_a_person() -> None:
    found = CHECK(Candidate("", "You can visit the library in Arden from 9 am."), Source(LIBRARY, "ada"))
    assert [finding.action for finding in found] == [Decision.QUARANTINE]


def test_a_question_about_something_else_waits_for_a_person() -> None:
    assert labels(LIBRARY, "When does the theatre open?", "At 9 am.") == ["question_elsewhere"]


def test_the_span_points_at_what_is_new() -> None:
    text = "The library in Arden opens at 8 am."
    finding = next(f for f in CHECK(Candidate("", text), Source(LIBRARY, "ada")) if f.label == "new_number")
    (span,) = finding.spans
    assert text[span.start : span.end] == "8"
