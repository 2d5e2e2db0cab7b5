"""What the operator's data policy says of the subject talked about: forbidden topics, and allowed ones."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from guardian.data_policy import TWO_PERSONS, Otherwise, Topic, TopicAction
from guardian.types import Candidate, Decision, Finding, Part, Policy, Scope, Source, Span
from guardian.unicode import canonical, folded_readings
from guardian.vocabulary import IRREGULAR

_WORD = re.compile(r"[^\W_]+")
_VOWELS = "aeiou"
_SAYS: dict[TopicAction | Otherwise, tuple[Decision, Scope]] = {
    "block": (Decision.BLOCK, Scope.NONE),
    "quarantine": (Decision.QUARANTINE, Scope.NONE),
    "review2": (Decision.QUARANTINE, Scope.NONE),
    "user_only": (Decision.ALLOW, Scope.USER),
}
_MEANS: dict[TopicAction | Otherwise, str] = {
    "block": "nothing of it is learned",
    "quarantine": "a person decides",
    "review2": "two persons must agree",
    "user_only": "nobody but the user is taught it",
}


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of a topic: for each of its words, the forms that count as it."""

    topic: Topic
    forms: tuple[frozenset[str], ...]


class Topics:
    """Applies the topics of the data policy to what would be trained.

    A topic's words are found as whole words, with their inflections ('merger': mergers, merger's; 'sell':
    sells, selling, sold), in canonical text and behind leet letters, accents and spacing.
    Not covered: the topic in other words than those listed, other languages than those they are in, derived
    words ('sell' does not find 'seller'), and what stands only in the user's message, not in the example.
    """

    name = "topics"
    backend = "embedded"

    def __init__(self, policy: Policy) -> None:
        self._topics = policy.data.topics
        self._forbidden = _index(self._topics.forbidden)
        self._allowed = _index(self._topics.allowed)

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """One finding for each forbidden topic of each part, one when no allowed topic is touched."""
        parts: tuple[tuple[Part, str], ...] = (
            ("prompt", candidate.prompt),
            ("completion", candidate.completion),
        )
        found = [
            self._finding(topic.action, topic.name, f"It is about {topic.name!r}", part, spans)
            for part, text in parts
            for topic, spans in _touched(self._forbidden, text)
        ]
        if self._topics.allowed and not any(True for _, text in parts for _ in _touched(self._allowed, text)):
            what = "It is about none of the topics that may be learned"
            found.append(self._finding(self._topics.otherwise, "no_allowed_topic", what))
        return tuple(found)

    def _finding(
        self,
        action: TopicAction | Otherwise,
        topic: str,
        what: str,
        part: Part = "completion",
        spans: tuple[Span, ...] = (),
    ) -> Finding:
        decision, scope = _SAYS[action]
        return Finding(
            self.name,
            self.backend,
            decision,
            scope,
            label=TWO_PERSONS if action == "review2" else topic,
            score=1.0,
            threshold=1.0,
            part=part,
            spans=spans,
            evidence=f"{what}; the data policy says that {_MEANS[action]}.",
        )


def inflections(word: str) -> frozenset[str]:
    """A word with its plurals, past, -ing and possessive forms; of a plural, the singular too."""
    bases = {word} | {base for base in _singulars(word) if len(base) > 2}
    forms = {form for base in bases for form in _forms(base)}
    return frozenset(forms | {odd for odd, base in IRREGULAR.items() if base in bases})


def _singulars(word: str) -> Iterator[str]:
    if word.endswith("ies"):
        yield word[:-3] + "y"
    elif word.endswith(("ches", "shes", "sses", "xes", "zes")):
        yield word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        yield word[:-1]


def _forms(word: str) -> Iterator[str]:
    yield word
    if not word.isalpha() or len(word) < 3:
        yield word + "s"
        return
    if word[-1] == "y" and word[-2] not in _VOWELS:
        yield from (word[:-1] + "ies", word[:-1] + "ied", word + "ing")
        return
    yield word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")
    stem = word[:-1] if word[-1] == "e" else word
    yield from (stem + "ed", stem + "ing")
    if word[-1] not in _VOWELS + "wxy" and word[-2] in _VOWELS and word[-3] not in _VOWELS:
        yield from (word + word[-1] + "ed", word + word[-1] + "ing")


def _index(topics: Iterable[Topic]) -> dict[str, list[Phrase]]:
    """Phrases by every form of their first word."""
    index: dict[str, list[Phrase]] = {}
    for topic in topics:
        for text in topic.words:
            for reading in dict.fromkeys((_plain(text), _unaccented(_plain(text)))):
                forms = tuple(inflections(word) for word in _WORD.findall(reading))
                for first in forms[0] if forms else ():
                    index.setdefault(first, []).append(Phrase(topic, forms))
    return index


def _touched(index: dict[str, list[Phrase]], text: str) -> Iterator[tuple[Topic, tuple[Span, ...]]]:
    """Each topic that the text is about, with where in the original, nowhere when it was disguised."""
    if not index:
        return
    plain = canonical(text)
    found: dict[str, tuple[Topic, list[Span]]] = {}
    lowered = plain.text.lower()
    for topic, start, end in _matches(index, lowered):
        spans = found.setdefault(topic.name, (topic, []))[1]
        if len(lowered) == len(plain.text):  # a few capitals are longer in lower case
            spans.append(plain.span(start, end))
    for reading in (lowered, *folded_readings(text)):
        for topic, _, _ in _matches(index, reading):
            found.setdefault(topic.name, (topic, []))
    for topic, spans in found.values():
        yield topic, tuple(dict.fromkeys(spans))


def _matches(index: dict[str, list[Phrase]], text: str) -> Iterator[tuple[Topic, int, int]]:
    tokens = list(_WORD.finditer(text))
    for n, token in enumerate(tokens):
        for phrase in index.get(token[0], ()):
            if _follows(phrase.forms, tokens[n : n + len(phrase.forms)]):
                yield phrase.topic, token.start(), tokens[n + len(phrase.forms) - 1].end()


def _follows(forms: Sequence[frozenset[str]], tokens: Sequence[re.Match[str]]) -> bool:
    return len(tokens) == len(forms) and all(t[0] in form for t, form in zip(tokens, forms, strict=True))


def _plain(text: str) -> str:
    return canonical(text).text.lower()


def _unaccented(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
