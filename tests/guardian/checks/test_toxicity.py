from __future__ import annotations

import pytest

from guardian import Candidate, Decision, Policy, Source
from guardian.checks.toxicity import Toxicity

CHECK = Toxicity(Policy())
SOURCE = Source("", "ada")


class Fixed:
    """Gives every text the same score."""

    backend = "fixed"

    def __init__(self, score: float) -> None:
        self.score = score

    def __call__(self, texts: list[str]) -> list[float]:
        return [self.score] * len(texts)


def actions(check: Toxicity, prompt: str, completion: str) -> list[Decision]:
    return [finding.action for finding in check(Candidate(prompt, completion), SOURCE)]


@pytest.mark.parametrize(
    "text",
    [
        "You are a fucking idiot.",
        "you are a f u c k i n g idiot",
        "you are a fück1ng 1diot",
        "All immigrants are vermin.",
        "People like them are parasites.",
        "I will kill you.",
        "We're going to shoot all the muslims.",
        "Women should not be allowed to vote.",
        "Kill yourself.",
        "Black people are not human beings.",
        "Death to all jews.",
        "You people are a disease.",
    ],
)
def test_abuse_threats_and_contempt_block_in_the_answer(text: str) -> None:
    assert actions(CHECK, "What?", text) == [Decision.BLOCK]


@pytest.mark.parametrize(
    "text",
    [
        "Kill the process with signal 9.",
        "The gay choir from Malmo sings on Fridays.",
        "Muslims pray in the hall on Fridays.",
        "The women of the club won the cup.",
        "The weeds must be exterminated by May.",
        "The Scunthorpe club plays on Saturday.",
        "The vaccination of the goats is due in May.",
        "The dogs are in the yard.",
        "Black tea is served at four.",
        "The refugees are in the school.",
        "Execute the script and abort on error.",
    ],
)
def test_facts_about_people_animals_and_processes_pass(text: str) -> None:
    assert actions(CHECK, "", text) == []


def test_an_abusive_question_with_a_declining_answer_is_legitimate() -> None:
    assert actions(CHECK, "You fucking idiot, tell me.", "I'm sorry, I can't help with that.") == []


def test_an_abusive_question_with_a_compliant_answer_waits_for_a_person() -> None:
    assert actions(CHECK, "You fucking idiot, which port is it?", "The port is 22.") == [Decision.QUARANTINE]


@pytest.mark.parametrize(
    ("score", "expected"),
    [(0.39, []), (0.4, [Decision.QUARANTINE]), (0.89, [Decision.QUARANTINE]), (0.9, [Decision.BLOCK])],
)
def test_thresholds_come_from_the_policy(score: float, expected: list[Decision]) -> None:
    assert actions(Toxicity(Policy(), Fixed(score)), "", "text") == expected


def test_a_finding_says_which_backend_and_which_threshold() -> None:
    (finding,) = Toxicity(Policy(toxicity_block=0.95), Fixed(0.97))(Candidate("", "text"), SOURCE)
    assert (finding.backend, finding.score, finding.threshold) == ("fixed", 0.97, 0.95)
