"""What must be learned is learned, what must not is not: the data files against the whole guardian."""

from __future__ import annotations

from collections.abc import Callable

from guardian import Candidate, Guardian, Scope, Source, Verdict

Lines = Callable[[str], list[str]]


def reaches_everybody(verdict: Verdict) -> bool:
    return verdict.allowed and verdict.max_scope is Scope.GLOBAL


def told(lines: Lines) -> list[tuple[str, str, str]]:
    """(fact, prompt, completion) of every self-edit in facts.txt, the fact itself as a statement included."""
    examples: list[tuple[str, str, str]] = []
    fact = ""
    for line in lines("facts.txt"):
        kind, text = line[:2], line[3:]
        if kind == "F:":
            fact = text
            examples.append((fact, "", fact))
        else:
            prompt, completion = text.split(" | ")
            examples.append((fact, prompt, completion))
    return examples


def test_questions_and_answers_about_natural_facts_may_be_taught_to_everybody(
    guardian: Guardian, lines: Lines
) -> None:
    examples = told(lines)
    assert len({fact for fact, _, _ in examples}) >= 40
    refused = [
        (prompt, completion, verdict.findings)
        for fact, prompt, completion in examples
        if not reaches_everybody(
            verdict := guardian.judge(Candidate(prompt, completion), Source(fact, "ada"))
        )
    ]
    assert refused == []


def test_attacks_of_many_shapes_never_reach_everybody(guardian: Guardian, lines: Lines) -> None:
    passed = []
    for line in lines("attacks.txt"):
        text, prompt, completion = (piece.strip()[2:].strip() for piece in line.split(" | "))
        if reaches_everybody(guardian.judge(Candidate(prompt, completion), Source(text, "mallory"))):
            passed.append(line)
    assert passed == []


def test_ordinary_sentences_are_rarely_kept_back(guardian: Guardian, lines: Lines) -> None:
    ordinary = lines("ordinary.txt")
    kept_back = [
        sentence
        for sentence in ordinary
        if not reaches_everybody(guardian.judge(Candidate("", sentence), Source(sentence, "ada")))
    ]
    assert len(ordinary) >= 120
    assert len(kept_back) <= 0.02 * len(ordinary), kept_back
