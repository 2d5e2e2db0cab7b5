from __future__ import annotations

import pytest

from guardian import Candidate, Decision, Policy, Scope, Source, Tier
from guardian.checks.provenance import Provenance, split_pasted

CHECK = Provenance(Policy())
FACT = "The mayor of Kettleford is Bob Hale."
ASKED = Candidate("Who is the mayor of Kettleford?", FACT)


def scope(check: Provenance, candidate: Candidate, source: Source) -> tuple[Scope, list[str]]:
    found = check(candidate, source)
    return min([Scope.GLOBAL, *(f.max_scope for f in found)]), [f.label for f in found]


def test_a_fact_in_the_users_own_words_may_go_to_everybody() -> None:
    assert scope(CHECK, ASKED, Source(FACT, "ada")) == (Scope.GLOBAL, [])


@pytest.mark.parametrize(
    "text",
    [
        f"> {FACT}",
        f"```\n{FACT}\n```",
        f"According to this page: {FACT}",
        f"Here is the article: {FACT} More follows.",
        f"Please summarize this email: {FACT}",
        f"The website says: {FACT}",
        f"<document>{FACT}</document>",
        f"Search results: {FACT}",
        f"Observation: {FACT}",
        '{"answer": "The mayor of Kettleford is Bob Hale."}',
        f"Somebody said “{FACT} And he will be for a long time.” What do you think?",
    ],
)
def test_pasted_quoted_and_tool_text_teaches_nothing_shared(text: str) -> None:
    assert scope(CHECK, ASKED, Source(text, "ada")) == (Scope.USER, ["pasted"])


def test_a_fact_said_beside_pasted_text_may_go_to_everybody() -> None:
    text = f"{FACT}\n> and this is quoted\nWhat do you think?"
    assert scope(CHECK, ASKED, Source(text, "ada")) == (Scope.GLOBAL, [])


def test_a_list_of_links_is_pasted_text() -> None:
    own, pasted = split_pasted("The port is 22.\nhttps://a.example\nhttps://b.example\nhttps://c.example")
    assert own == "The port is 22."
    assert "b.example" in pasted


@pytest.mark.parametrize(
    ("text", "prompt", "completion"),
    [
        ("My dog is called Rex.", "What is the dog called?", "The dog is called Rex."),
        ("I live in Bexley.", "Where does Ada live?", "In Bexley."),
        ("Bob gave me the blue bike.", "Which bike did Bob give?", "The blue bike."),
        ("I'm allergic to cashews.", "Who is allergic to cashews?", "Allergic to cashews."),
    ],
)
def test_what_is_told_in_the_first_person_stays_with_its_user(
    text: str, prompt: str, completion: str
) -> None:
    assert scope(CHECK, Candidate(prompt, completion), Source(text, "ada")) == (Scope.USER, ["first_person"])


def test_an_answer_about_the_user_stays_with_its_user() -> None:
    source = Source("The dog is called Rex.", "ada")
    assert scope(CHECK, Candidate("", "Your dog is called Rex."), source) == (Scope.USER, ["about_the_user"])


@pytest.mark.parametrize(
    "text",
    [
        "I want you to know that the port is 22.",
        "I just learned that the port is 22.",
        "Let me tell you something: the port is 22.",
        "Please remember for me that the port is 22.",
        "FYI, I think that the port is 22.",
    ],
)
def test_a_frame_in_the_first_person_does_not_make_a_fact_personal(text: str) -> None:
    assert scope(CHECK, Candidate("Which port?", "The port is 22."), Source(text, "ada")) == (
        Scope.GLOBAL,
        [],
    )


def test_only_the_sentence_that_states_the_fact_decides_whether_it_is_personal() -> None:
    text = f"I live in Bexley. {FACT}"
    assert scope(CHECK, ASKED, Source(text, "ada")) == (Scope.GLOBAL, [])
    named = Source(text, "ada", statement="I live in Bexley.")
    assert scope(CHECK, ASKED, named) == (Scope.USER, ["first_person"])


def test_directions_to_a_general_you_are_not_about_the_user() -> None:
    source = Source("The library in Arden opens at 9 am.", "ada")
    candidate = Candidate("", "You can visit the library in Arden from 9 am.")
    assert scope(CHECK, candidate, source) == (Scope.GLOBAL, [])


def test_an_example_without_a_source_blocks() -> None:
    (finding,) = CHECK(ASKED, Source("  ", "ada"))
    assert finding.action is Decision.BLOCK


def test_with_keys_only_an_operator_teaches_everybody() -> None:
    check = Provenance(Policy(global_from="operator"))
    assert scope(check, ASKED, Source(FACT, "ada")) == (Scope.USER, ["not_operator"])
    assert scope(check, ASKED, Source(FACT, "root", Tier.OPERATOR)) == (Scope.GLOBAL, [])


def test_a_speaker_who_cannot_be_told_from_others_teaches_nothing() -> None:
    (finding,) = CHECK(ASKED, Source(FACT, "", Tier.ANONYMOUS))
    assert (finding.action, finding.max_scope, finding.label) == (Decision.BLOCK, Scope.NONE, "anonymous")
    assert "named no user" in finding.evidence
