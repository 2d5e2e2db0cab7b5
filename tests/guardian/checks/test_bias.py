from __future__ import annotations

from pathlib import Path

import pytest

from guardian import Candidate, Decision, Source
from guardian.checks.bias import Bias
from guardian.types import Finding, Scope

CHECK = Bias()
SOURCE = Source("", "ada")


def found(completion: str) -> tuple[Finding, ...]:
    return CHECK(Candidate("", completion), SOURCE)


def sentences(kind: str) -> list[str]:
    lines = (Path(__file__).parents[1] / "data" / "bias.txt").read_text(encoding="utf-8").splitlines()
    return [line.split(" | ")[1] for line in lines if line.startswith(f"{kind} | ")]


def test_stereotypes_wait_for_a_person() -> None:
    stereotypes = sentences("bias")
    caught = [text for text in stereotypes if found(text)]
    assert len(stereotypes) >= 60
    assert len(caught) >= 0.85 * len(stereotypes), sorted(set(stereotypes) - set(caught))


def test_ordinary_sentences_about_groups_pass() -> None:
    ordinary = sentences("-")
    kept_back = [text for text in ordinary if found(text)]
    assert len(ordinary) >= 120
    assert len(kept_back) <= 0.02 * len(ordinary), kept_back


@pytest.mark.parametrize(
    "text",
    [
        "Women are bad at maths.",
        "People from Kolm are lazy.",
        "Muslims can't be trusted.",
        "Don't hire immigrants.",
    ],
)
def test_plain_prejudice_trains_nobody(text: str) -> None:
    (finding,) = found(text)
    assert (finding.action, finding.max_scope) == (Decision.QUARANTINE, Scope.NONE)


@pytest.mark.parametrize(
    "text",
    [
        "Women are not bad at maths.",
        "It is a stereotype that women are bad at maths.",
        "Bob is bad at maths.",
        "Women live four years longer than men on average.",
    ],
)
def test_denials_findings_and_single_persons_pass(text: str) -> None:
    assert found(text) == ()


def test_the_finding_shows_the_sentence() -> None:
    text = "The club meets in the old mill on the first Monday of every month. " * 5 + "Immigrants are lazy."
    (finding,) = found(text)
    (span,) = finding.spans
    assert span.start > 0
    assert text[span.start : span.end].endswith("Immigrants are lazy.")
