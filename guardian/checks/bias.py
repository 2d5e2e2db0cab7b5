"""Stereotypes and prejudice about groups of people, said soberly: no abuse, and still nothing to learn."""

from __future__ import annotations

from guardian.groups import without_groups
from guardian.harm import LABELS, shared_head, windows
from guardian.stereotypes import names_people, spoken_against, stereotype
from guardian.types import Candidate, Decision, Finding, Scope, Source, Span
from guardian.unicode import canonical, folded

HEAD_FROM = 0.8
"""Score from which the head alone objects: none of the ordinary sentences of tests/guardian/data/bias.txt."""
_COLUMN = LABELS.index("bias")
_PATTERN_SCORE = 1.0


class Bias:
    """A completion that ascribes a trait, an ability or a place to a whole group waits for a person.

    Explicit patterns first (`stereotypes`), then the head of `harm` on sentences whose subject is a group; a
    sentence that denies the claim or reports a finding passes.
    Not covered: prejudice that only the choice of facts shows, groups that are not listed, stereotypes about
    one named person, any language but English. A neutral statistic passes whether it is true or not.
    """

    name = "bias"
    backend = "embedded"

    def __init__(self) -> None:
        self._head = shared_head()

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """One finding at most. The head is asked only where people are the subject."""
        text = canonical(candidate.completion).text
        doubtful = []
        for sentence in windows(text):
            plain, _ = without_groups(folded(sentence))
            label = stereotype(plain)
            if label:
                return (_finding(label, _PATTERN_SCORE, text, sentence),)
            if names_people(plain) and not spoken_against(plain):
                doubtful.append(sentence)
        for sentence, row in zip(doubtful, self._head(doubtful), strict=True):
            if row[_COLUMN] >= HEAD_FROM:
                return (_finding("prejudice", float(row[_COLUMN]), text, sentence),)
        return ()


def _finding(label: str, score: float, text: str, sentence: str) -> Finding:
    start = text.find(sentence)
    return Finding(
        Bias.name,
        Bias.backend,
        Decision.QUARANTINE,
        Scope.NONE,
        label=label,
        score=round(score, 4),
        threshold=HEAD_FROM,
        spans=(Span(start, start + len(sentence)),) if start >= 0 and text.isascii() else (),
        evidence="The answer says of a whole group what cannot be said of all of them; a person should look.",
    )
