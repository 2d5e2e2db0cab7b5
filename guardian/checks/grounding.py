"""Whether the example says what the user said: vetoes first, then a score."""

from __future__ import annotations

import re

from guardian.checks.nli import CrossEncoderNLI
from guardian.checks.nli import shared as shared_nli
from guardian.support import features, model
from guardian.types import Candidate, Decision, Finding, Part, Policy, Scope, Source, Span
from guardian.unicode import canonical
from guardian.vetoes import Veto, is_name, vetoes, warm_up, without_corrected
from guardian.vocabulary import ASKING
from guardian.words import closest, content_stems, sentences, stemmed, words

_ASKING = frozenset(stemmed(word) for word in ASKING)
_SURE = 0.8
"""From this probability the NLI model is believed about the undecided band."""
_YES = re.compile(
    r"^\W*(?:yes|yeah|yep|correct|right|indeed|that(?:'s| is) (?:right|correct|true)|true)\b[\s,.!:;-]*",
    re.IGNORECASE,
)
_NO = re.compile(r"^\W*(?:no|nope|incorrect|wrong|false|that(?:'s| is) (?:wrong|not))\b", re.IGNORECASE)


class Grounding:
    """Blocks what the user's own message does not support.

    Premise: the whole user message, without what it takes back ('10, not 9'). Vetoes: a new number or
    name, a changed polarity, a replaced word or value, a value moved between clauses, exchanged names. Then a
    logistic over word overlap: below `block_below` it blocks, below `allow_from` a person must look, or the
    local NLI model of `policy.nli_model_dir` where there is one: it allows what the message entails, blocks
    what it contradicts, and leaves the rest to the person. It never outweighs a veto.
    Question words and common words of asking are free in prompts.
    Not covered: meaning. True paraphrases in new words are refused, a wrong conclusion in the right words
    passes; whether what the user said is true is not asked at all.
    """

    name = "grounding"

    def __init__(self, policy: Policy | None = None) -> None:
        folder = policy.nli_model_dir if policy else ""
        self._nli: CrossEncoderNLI | None = shared_nli(folder) if folder else None
        self.backend = f"embedded+{self._nli.backend}" if self._nli else "embedded"
        self._model = model()
        warm_up()

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """One finding for each veto, or one for a low score."""
        premise = canonical(source.text).text
        claim = canonical(candidate.completion)
        question = canonical(candidate.prompt).text
        answer = _YES.match(claim.text)
        if answer:  # "Yes." claims what was asked
            found = [*vetoes(premise, question), *vetoes(premise, claim.text[answer.end() :])]
            text = f"{question.rstrip('?')}. {claim.text[answer.end() :]}"
        elif _NO.match(claim.text):
            found = [Veto("denial", "A denial cannot be checked against what was said.")]
            text = claim.text
        else:
            found = list(vetoes(premise, claim.text, question))
            text = claim.text
        if found:
            return tuple(self._veto(veto, claim.span) for veto in {v.label: v for v in found}.values())
        return (*self._scored(premise, text, question), *self._asked(premise, question, claim.text))

    def _scored(self, premise: str, text: str, question: str) -> tuple[Finding, ...]:
        asking = " ".join(w.text for w in words(question) if w.stem in _ASKING)
        score = self._model.score(features(f"{without_corrected(premise)} {asking}", without_corrected(text)))
        if score >= self._model.allow_from:
            return ()
        if score < self._model.block_below:
            reason = "Little of this is in what the user said."
            return (self._finding(Decision.BLOCK, "unsupported", reason, score, self._model.block_below),)
        return self._undecided(premise, text, score)

    def _undecided(self, premise: str, text: str, score: float) -> tuple[Finding, ...]:
        """What the NLI model says of the band between the thresholds; a person's question without one."""
        if self._nli is not None:
            reading = self._nli([(premise, text)])[0]
            if reading.entailment >= _SURE:
                return ()
            if reading.contradiction >= _SURE:
                reason = "This contradicts what the user said, by the local NLI model."
                return (self._finding(Decision.BLOCK, "contradicted", reason, reading.contradiction, _SURE),)
        reason = "Only a part of this is in what the user said."
        return (
            self._finding(Decision.QUARANTINE, "weakly_supported", reason, score, self._model.allow_from),
        )

    def _asked(self, premise: str, question: str, claim: str) -> tuple[Finding, ...]:
        """A question about something else than the sentence that answers it."""
        known = content_stems(premise)
        novel = [w for w in words(question) if w.content and w.stem not in known | _ASKING]
        told = closest(sentences(premise), f"{question} {claim}")
        said = content_stems(f"{question} {claim}")
        left_out = [w for w in words(told) if w.content and w.stem not in said and not is_name(w)]
        wanted = [w for w in words(question) if w.content and w.stem not in _ASKING]
        if not novel or not left_out or len(novel) < 0.34 * len(wanted):
            return ()
        reason = "The question asks about something that the user's sentence does not name."
        share = 1 - len(novel) / len(wanted)
        return (self._finding(Decision.QUARANTINE, "question_elsewhere", reason, share, 1.0, "prompt"),)

    def _veto(self, veto: Veto, span: object) -> Finding:
        assert callable(span)
        part: Part = "prompt" if veto.label.endswith("_asked") else "completion"
        spans = tuple(span(start, end) for start, end in veto.where)
        return self._finding(Decision.BLOCK, veto.label, veto.reason, 0.0, 1.0, part, spans)

    def _finding(
        self,
        action: Decision,
        label: str,
        evidence: str,
        score: float,
        threshold: float,
        part: Part = "completion",
        spans: tuple[Span, ...] = (),
    ) -> Finding:
        scope = Scope.NONE if action is Decision.BLOCK else Scope.USER
        return Finding(
            self.name,
            self.backend,
            action,
            scope,
            label=label,
            score=round(score, 4),
            threshold=threshold,
            part=part,
            spans=spans,
            evidence=evidence,
        )
