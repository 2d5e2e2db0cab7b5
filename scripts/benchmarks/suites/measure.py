"""Each suite put to the guardian: which check answers it, and how its answer is read."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from guardian import Candidate, Decision, Guardian, Known, Policy, Scope, Source, Statement
from scripts.benchmarks.suites import (
    begin,
    breaking_nli,
    hatecheck,
    made_identifiers,
    made_secrets,
    openai_moderation,
    own,
    presidio,
    xstest,
)
from scripts.benchmarks.suites.cases import Labelled, Marked, Pair
from scripts.benchmarks.suites.files import NotMeasured
from scripts.benchmarks.suites.guard import Guard, lenient
from scripts.benchmarks.suites.tally import Tally

T = TypeVar("T")
Groups = dict[str, Tally]
"""Tallies by group; the suite's whole is 'all'."""
Measure = Callable[[Path, Policy, int], Groups]
HARMLESS = "I can tell you about that."
TOXICITY = ("toxicity", "bias")


def hate_check(folder: Path, policy: Policy, limit: int) -> Groups:
    """Toxicity and bias, of the text as a completion."""
    return _texts(hatecheck.load(folder), policy, limit)


def moderation_set(folder: Path, policy: Policy, limit: int) -> Groups:
    """The same; each label's positives against the texts without any label."""
    cases = spread(openai_moderation.load(folder), limit)
    groups = _texts(openai_moderation.labelled(cases), policy, 0)
    scored = dict(zip((text for text, _ in cases), groups["all"].scores, strict=True))
    flagged = dict(zip((text for text, _ in cases), groups["all"].outcomes, strict=True))
    groups.pop("any label", None)
    for label in openai_moderation.LABELS.values():
        groups[label] = tally = Tally()
        for case in openai_moderation.labelled(cases, label):
            tally.add(case.positive, flagged[case.text][1], scored[case.text][0])
    return groups


def xs_test(folder: Path, policy: Policy, limit: int) -> Groups:
    """The prompt with a harmless completion; the AUC is of the score of its text."""
    guard, scorer = Guard(policy, *TOXICITY), Guard(lenient(policy), *TOXICITY, judged=False)
    groups: Groups = {"all": Tally()}
    for case in spread(xstest.load(folder), limit):
        ruling = guard(Candidate(case.text, HARMLESS), _nobody())
        score = scorer(Candidate("", case.text), _nobody()).score
        _both(groups, case.group, case.positive, ruling.objected, ruling.scored(score), ruling.ms)
    return groups


def personal_data(folder: Path, policy: Policy, limit: int) -> Groups:
    """Spans touched by a finding of the personal data check, by entity type. 'outside' are texts without any
    marked entity: what is flagged there is a false alarm."""
    guard = Guard(policy, "personal_data", judged=False)

    def found(text: str) -> tuple[list[tuple[int, int]], float]:
        ruling = guard(Candidate("", text), _nobody())
        return [(s.start, s.end) for f in ruling.verdict.findings for s in f.spans], ruling.ms

    sentences = spread(presidio.load(folder), limit)
    groups = _spans(sentences, found, presidio.STRUCTURED)
    groups["structured identifiers"] = groups.pop("chosen")
    return groups


def fragment_gate(folder: Path, policy: Policy, limit: int) -> Groups:
    """Spans of which the fragment extractor touches any character."""
    sentences = spread(presidio.load(folder), limit)
    fragments = _fragments()

    def found(text: str) -> tuple[list[tuple[int, int]], float | None]:
        return [(f.span.start, f.span.end) for f in fragments(text)], None

    groups = _spans(sentences, found, presidio.NAMES)
    groups["names"] = groups.pop("chosen")
    return groups


def grounding(folder: Path, policy: Policy, limit: int) -> Groups:
    """BEGIN's test split. 'all' counts as objected what is blocked; 'allowed' what is not let through."""
    return _grounding(begin.load(folder), policy, limit)


def grounding_dev(folder: Path, policy: Policy, limit: int) -> Groups:
    """BEGIN's dev split, on which the score was tuned: no measurement of anything new."""
    return _grounding(begin.load(folder, "begin_dev_wow.tsv"), policy, limit)


def contradiction(folder: Path, policy: Policy, limit: int) -> Groups:
    """The first sentence as a verified fact, the second as an example; recall is of contradictions."""
    guard = Guard(policy, "contradiction")
    groups: Groups = {"all": Tally()}
    for pair in spread(breaking_nli.load(folder), limit):
        known = Known(verified=(Statement("v1", "bench", pair.given),))
        source = Source(pair.claim, "ada", statement=pair.claim, known=known)
        ruling = guard(Candidate("", pair.claim), source)
        objected = ruling.objected or ruling.verdict.max_scope is Scope.NONE
        _both(groups, pair.group, pair.positive, objected, ruling.score, ruling.ms)
    return groups


def secrets(folder: Path, policy: Policy, limit: int) -> Groups:
    """The project's two suites of secrets against its ordinary sentences."""
    told = [Labelled("told", text, True) for text in own.lines("secrets.txt")]
    made = [Labelled(group, text, True) for group, _, text in made_secrets.sentences()]
    ordinary = [Labelled("ordinary", text, False) for text in own.lines("ordinary.txt")]
    close = [Labelled("close to secrets", text, False) for text in made_secrets.ORDINARY]
    return _plain(Guard(policy, "secrets", judged=False), [*told, *made, *ordinary, *close])


def identifiers(folder: Path, policy: Policy, limit: int) -> Groups:
    """Identifiers in many written forms; facts and ordinary sentences hold none."""
    guard = Guard(policy, "personal_data", judged=False)
    groups: Groups = {"all": Tally()}
    for one in made_identifiers.identified():
        ruling = guard(Candidate("", one.text), _nobody())
        spans = [(s.start, s.end) for f in ruling.verdict.findings for s in f.spans]
        _both(groups, one.kind, True, _touched(spans, one.start, one.end), None, ruling.ms)
    for text in (*own.lines("ordinary.txt"), *(fact.completion for fact in own.facts())):
        ruling = guard(Candidate("", text), _nobody())
        _both(groups, "facts and ordinary", False, bool(ruling.verdict.findings), None, ruling.ms)
    return groups


def whole(folder: Path, policy: Policy, limit: int) -> Groups:
    """All checks: attacks must not reach everybody's weights, facts should. An objection is a verdict that
    does not allow the example at scope GLOBAL. Milliseconds are of the processor, not of the clock."""
    guardian = Guardian(policy)
    groups: Groups = {"all": Tally()}
    for group, positive, examples in (("attacks", True, own.attacks()), ("facts", False, own.facts())):
        for example in examples:
            began = time.process_time()
            verdict = guardian.judge(
                Candidate(example.prompt, example.completion), Source(example.source, "ada")
            )
            ms = 1000 * (time.process_time() - began)
            objected = not verdict.allowed or verdict.max_scope < Scope.GLOBAL
            _both(groups, group, positive, objected, None, ms)
    return groups


PUBLIC: dict[str, Measure] = {
    "HateCheck": hate_check,
    "OpenAI moderation": moderation_set,
    "XSTest": xs_test,
    "presidio-research, personal data": personal_data,
    "presidio-research, fragment gate": fragment_gate,
    "BEGIN-WoW test": grounding,
    "BEGIN-WoW dev (tuned on it)": grounding_dev,
    "Breaking-NLI": contradiction,
}
OWN: dict[str, Measure] = {
    "own: every check": whole,
    "own: secrets": secrets,
    "own: identifiers": identifiers,
}


def spread(cases: Sequence[T], limit: int) -> list[T]:
    """At most `limit` cases, evenly over the suite; all when it is 0."""
    if not limit or len(cases) <= limit:
        return list(cases)
    return [cases[i * len(cases) // limit] for i in range(limit)]


def _texts(cases: Sequence[Labelled], policy: Policy, limit: int) -> Groups:
    guard, scorer = Guard(policy, *TOXICITY), Guard(lenient(policy), *TOXICITY, judged=False)
    groups: Groups = {"all": Tally()}
    for case in spread(cases, limit):
        ruling = guard(Candidate("", case.text), _nobody())
        score = scorer(Candidate("", case.text), _nobody()).score
        _both(groups, case.group, case.positive, ruling.objected, ruling.scored(score), ruling.ms)
    return groups


def _plain(guard: Guard, cases: Sequence[Labelled]) -> Groups:
    groups: Groups = {"all": Tally()}
    for case in cases:
        ruling = guard(Candidate("", case.text), _nobody())
        _both(groups, case.group, case.positive, ruling.objected, None, ruling.ms)
    return groups


def _grounding(pairs: Sequence[Pair], policy: Policy, limit: int) -> Groups:
    from guardian.support import features, model

    guard, lexical = Guard(policy, "grounding"), model()
    groups: Groups = {"all": Tally(), "allowed": Tally()}
    for pair in spread(pairs, limit):
        ruling = guard(Candidate("", pair.claim), Source(pair.given, "ada"))
        vetoed = any(f.action is Decision.BLOCK and not f.score for f in ruling.verdict.findings)
        support = 0.0 if vetoed else lexical.score(features(pair.given, pair.claim))
        blocked = ruling.verdict.decision is Decision.BLOCK
        _both(groups, pair.group, pair.positive, blocked, ruling.scored(1 - support), ruling.ms)
        groups["allowed"].add(pair.positive, ruling.objected, None, ruling.ms)
    return groups


def _spans(
    sentences: Iterable[Marked],
    found: Callable[[str], tuple[list[tuple[int, int]], float | None]],
    chosen: frozenset[str],
) -> Groups:
    """Recall of spans by type, over all and over the chosen types."""
    groups: Groups = {"all": Tally(), "chosen": Tally(), "outside": Tally()}
    for sentence in sentences:
        spans, ms = found(sentence.text)
        if not sentence.spans:
            groups["outside"].add(False, bool(spans), None, ms)
        for marked in sentence.spans:
            touched = _touched(spans, marked.start, marked.end)
            _both(groups, marked.kind, True, touched, None, ms)
            if marked.kind in chosen:
                groups["chosen"].add(True, touched, None, ms)
    return groups


def _both(
    groups: Groups, group: str, positive: bool, objected: bool, score: float | None, ms: float | None
) -> None:
    for name in ("all", group):
        groups.setdefault(name, Tally()).add(positive, objected, score, ms)


def _touched(spans: list[tuple[int, int]], start: int, end: int) -> bool:
    return any(a < end and start < b for a, b in spans)


def _fragments() -> Callable[[str], Iterator[Any]]:
    try:
        found: Callable[[str], Iterator[Any]] = importlib.import_module("guardian.fragments").fragments
    except (ImportError, AttributeError) as error:
        raise NotMeasured("this guardian has no guardian.fragments") from error
    return found


def _nobody() -> Source:
    return Source("", "ada")
