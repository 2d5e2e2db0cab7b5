"""Whether an example speaks against a verified fact."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from guardian import embedding
from guardian.checks.nli import CrossEncoderNLI
from guardian.checks.nli import shared as shared_nli
from guardian.contrast import Embed, Vectors, contrast, model
from guardian.slots import Comparison, compare
from guardian.types import Candidate, Decision, Finding, Policy, Scope, Source, Statement, Tier
from guardian.unicode import canonical
from guardian.words import content_stems, sentences

_NEAREST = 3
_NEAR = 0.35
_SURE = 0.8
"""From this probability of a contradiction the NLI model is believed."""
_MAX_SENTENCES = 4


@dataclass(frozen=True, slots=True)
class _Conflict:
    """A verified fact and what of the example speaks against it."""

    fact: Statement
    score: float
    threshold: float
    what: str
    backend: str


class Contradiction:
    """Keeps back what conflicts with a fact that an operator stated or a person approved.

    Compared are the sentences of the completion and the statement that it comes from with each of
    `source.known.verified`; when there are many, embeddings find the three nearest (finding is all that they
    do: opposites are near each other too). Two statements conflict when they differ in one slot whose
    fillings exclude each other (`guardian.slots`); with `policy.nli_model_dir` a local NLI model is asked as
    well. A conflict waits for a person: the world may have changed. The fact itself stays as it is.
    An operator is not held to what was verified before: they correct it, and the newer answer to a question
    replaces the older one when it is trained.
    Not covered: facts that differ in more than one slot or need an inference (NLI sees some of these), facts
    that nobody verified, verified facts without a word in common, any language but English. An answer that is
    a bare value ('9000') is covered by its statement only.
    """

    name = "contradiction"

    def __init__(self, policy: Policy | None = None, embed: Embed | None = None) -> None:
        policy = policy or Policy()
        self._vectors = Vectors(embed or embedding.shared())
        self._nli: CrossEncoderNLI | None = shared_nli(policy.nli_model_dir) if policy.nli_model_dir else None
        self._limit = model().conflict_from
        self.backend = f"embedded+{self._nli.backend}" if self._nli else "embedded"

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """At most one finding: the surest conflict."""
        if source.tier is Tier.OPERATOR:
            return ()
        claims = _claims(candidate, source)
        verified = [(fact, content_stems(fact.text)) for fact in source.known.verified]
        pairs = [
            (fact, claim)
            for claim in claims
            for fact in self._nearest(claim, verified)
            if canonical(fact.text).text != claim
        ]
        found = [*self._by_slots(pairs), *self._by_model(pairs)]
        if not found:
            return ()
        return (self._finding(max(found, key=lambda c: c.score)),)

    def _nearest(self, claim: str, verified: list[tuple[Statement, set[str]]]) -> list[Statement]:
        """The facts worth comparing with: all of a few, the nearest of many."""
        mine = content_stems(claim)
        facts = [fact for fact, stems in verified if mine & stems]
        if len(facts) <= _NEAREST:
            return facts
        vectors = self._vectors([claim, *(fact.text for fact in facts)])
        ranked = sorted(zip(vectors[1:] @ vectors[0], facts, strict=True), key=lambda pair: -pair[0])
        return [fact for cosine, fact in ranked[:_NEAREST] if cosine >= _NEAR]

    def _by_slots(self, pairs: list[tuple[Statement, str]]) -> list[_Conflict]:
        found = []
        for fact, claim in pairs:
            one = compare(fact.text, claim, partial(contrast, self._vectors), self._limit)
            if one.relation == "conflict":
                found.append(_Conflict(fact, one.score, self._limit, _difference(one), "embedded"))
        return found

    def _by_model(self, pairs: list[tuple[Statement, str]]) -> list[_Conflict]:
        if self._nli is None:
            return []
        readings = self._nli([(fact.text, claim) for fact, claim in pairs])
        return [
            _Conflict(fact, one.contradiction, _SURE, "they cannot both be so", self._nli.backend)
            for (fact, claim), one in zip(pairs, readings, strict=True)
            if one.contradiction >= _SURE
        ]

    def _finding(self, conflict: _Conflict) -> Finding:
        return Finding(
            self.name,
            conflict.backend,
            Decision.QUARANTINE,
            Scope.NONE,
            label="contradicts_verified",
            score=round(conflict.score, 4),
            threshold=conflict.threshold,
            evidence=f"Speaks against a verified fact ({conflict.fact.id}: “{conflict.fact.text}”): "
            f"{conflict.what}. A person must say which holds.",
        )


def score(told: str, claim: str) -> float:
    """How likely `claim` contradicts `told`, 0 to 1, by the embedded comparison alone; for benchmarks.

    At or above `guardian.contrast.model().conflict_from` the check calls it a conflict.
    """
    one = compare(told, claim, partial(contrast, embedding.shared()), model().conflict_from)
    return one.score if one.relation == "conflict" else min(one.score, model().conflict_from * 0.99)


def _claims(candidate: Candidate, source: Source) -> list[str]:
    """What is claimed, a sentence each: the completion, a question answered yes, the statement."""
    completion = canonical(candidate.completion).text
    claims = sentences(completion)[:_MAX_SENTENCES]
    if completion.strip().lower().startswith("yes") and candidate.prompt:
        claims.append(canonical(candidate.prompt).text.rstrip("? "))
    if source.statement:
        claims.append(canonical(source.statement).text)
    return list(dict.fromkeys(claims))


def _difference(one: Comparison) -> str:
    if not one.told or not one.claimed:
        return "one says yes where the other says no"
    if sum(c.isdigit() for c in one.claimed) > 5 or "@" in one.claimed:  # may be somebody's number
        return f"another value where the fact says “{one.told}”"
    return f"“{one.claimed}” where the fact says “{one.told}”"
