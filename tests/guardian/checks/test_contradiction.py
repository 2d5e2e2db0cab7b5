from __future__ import annotations

from dataclasses import replace

import pytest

from guardian import Candidate, Decision, Finding, Known, Scope, Source, Statement, Tier
from guardian.checks.contradiction import Contradiction, score
from guardian.contrast import model

CHECK = Contradiction()
PORT = Statement("e41", "olu", "The admin port of the Zephyr router is 8443.")
OTHERS = tuple(
    Statement(f"e{i}", "olu", text)
    for i, text in enumerate(
        (
            "The admin page of the Lumo lamp is public.",
            "The user port of the Orla switch is 7000.",
            "The Zephyr router weighs 2 kg.",
            "The port of Kettleford is closed in winter.",
            "The admin of Norvik is Tomas.",
        )
    )
)


def judged(completion: str, *facts: Statement, prompt: str = "", statement: str = "") -> tuple[Finding, ...]:
    source = Source(statement or completion, "ada", statement=statement, known=Known(verified=facts))
    return CHECK(Candidate(prompt, completion), source)


def test_another_value_than_the_verified_one_waits_for_a_person_and_says_why() -> None:
    (finding,) = judged("The admin port of the Zephyr router is 9000.", PORT)
    assert (finding.action, finding.max_scope) == (Decision.QUARANTINE, Scope.NONE)
    assert finding.label == "contradicts_verified"
    for told in ("e41", PORT.text, "“9000”", "“8443”"):
        assert told in finding.evidence


@pytest.mark.parametrize(
    "completion",
    [
        PORT.text,
        "The Zephyr router's admin port is 8443.",
        "The admin port of the Lumo router is 9000.",
        "Whales sing under the ice.",
    ],
)
def test_the_same_value_and_other_subjects_pass(completion: str) -> None:
    assert judged(completion, PORT) == ()


def test_without_verified_facts_there_is_nothing_to_contradict() -> None:
    assert judged("The admin port of the Zephyr router is 9000.") == ()


def test_the_statement_is_compared_where_the_answer_is_a_bare_value() -> None:
    (finding,) = judged(
        "9000", PORT, prompt="Which port?", statement="The admin port of the Zephyr router is 9000."
    )
    assert finding.score >= finding.threshold


def test_yes_claims_what_was_asked() -> None:
    assert judged("Yes.", PORT, prompt="The admin port of the Zephyr router is 9000?")


def test_among_many_facts_the_nearest_are_found() -> None:
    (finding,) = judged("The admin port of the Zephyr router is 9000.", *OTHERS, PORT)
    assert "e41" in finding.evidence


def test_a_long_number_is_not_repeated_in_the_evidence() -> None:
    fact = Statement("e9", "olu", "The number of the help desk is 5550100.")
    (finding,) = judged("The number of the help desk is 5559999.", fact)
    assert "5559999" not in finding.evidence


def test_unlisted_words_are_told_apart_by_their_vectors() -> None:
    assert score("The stall sells lanterns.", "The stall sells umbrellas.") >= model().conflict_from
    assert score("The clerk put the parcel away.", "The clerk put the package away.") < model().conflict_from


def test_an_operator_corrects_what_was_verified() -> None:
    fact = Statement("e1", "root", "The admin port of the Zephyr router is 8443.")
    claim = "The admin port of the Zephyr router is 9000."
    said = Source(claim, "ada", known=Known(verified=(fact,)))
    assert CHECK(Candidate("", claim), said)
    assert CHECK(Candidate("", claim), replace(said, tier=Tier.OPERATOR)) == ()
