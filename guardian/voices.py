"""How many people really say a thing: the same fact in other words counts, the same words twice do not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from guardian.fragments import fragments, tokens
from guardian.types import Statement
from guardian.unicode import folded
from guardian.vocabulary import NEGATORS
from guardian.words import meaning, words

NEAR = 0.7
"""Jaccard similarity of shingles from which two texts are copies. 'The admin port of the Zephyr router is
8443.' has 0.78 to itself with a word put in, 0.67 turned round, 0.55 to "The Zephyr router's admin port …".
"""
_SHINGLE_CHARS = 5
_MOST_WORDS_MORE = 1


@dataclass(frozen=True, slots=True)
class Fact:
    """What must be stated again to count as the same: made once, compared with many statements."""

    rare: frozenset[str]
    """Fragments of the example; all must stand in one statement together."""
    words: frozenset[str]
    """Stems of the statement that the example was made from."""
    named: frozenset[str]
    """Rare fragments of that statement."""
    denied: frozenset[str]
    """Its negators."""

    @classmethod
    def of(cls, rare: Iterable[str], statement: str) -> Fact:
        """The fact that `statement` states, with the fragments that an example of it holds."""
        named = frozenset(fragment.text for fragment in fragments(statement))
        return cls(frozenset(rare), meaning(statement), named, _negators(statement))

    def stated_in(self, text: str) -> bool:
        """Whether `text` states it: the same words in any order, with at most one more that is not rare.

        All of its words, not only the rare ones: else what many said of somebody would vouch for anything
        that one user says of the same person. No further fragment and no second word more: else two facts in
        one sentence would vouch for the first half of one with the second half of the other. A fact without
        rare fragments has no name to hold it together, so nothing may be added to it at all.
        """
        said = meaning(text)
        more = said - self.words
        if not self.words <= said or len(more) > (_MOST_WORDS_MORE if self.named else 0):
            return False
        if _negators(text) != self.denied or not self.rare <= tokens(text):
            return False
        return frozenset(fragment.text for fragment in fragments(text)) <= self.named | self.rare


def voices(statements: Iterable[Statement], window_seconds: float) -> list[Statement]:
    """The statements that count, oldest first: one a user, and one of several near copies within the window.

    A time that is not known (0) lies within every window: copies of it always count once. A window of 0
    compares nothing.
    """
    counted: list[tuple[Statement, frozenset[str]]] = []
    for one in sorted(statements, key=lambda statement: statement.at):
        shingles = _shingles(one.text)
        if not any(
            one.user == other.user
            or (_near_in_time(one, other, window_seconds) and _jaccard(shingles, known) >= NEAR)
            for other, known in counted
        ):
            counted.append((one, shingles))
    return [statement for statement, _ in counted]


def similarity(left: str, right: str) -> float:
    """Jaccard similarity of two texts by five-character shingles, without case, accents and punctuation."""
    return _jaccard(_shingles(left), _shingles(right))


def _negators(text: str) -> frozenset[str]:
    return frozenset(word.text.lower() for word in words(text)) & NEGATORS


def _near_in_time(one: Statement, other: Statement, window_seconds: float) -> bool:
    if window_seconds <= 0:
        return False
    return not (one.at and other.at) or abs(one.at - other.at) < window_seconds


def _shingles(text: str) -> frozenset[str]:
    plain = " ".join(re.findall(r"\w+", folded(text)))
    return frozenset(plain[i : i + _SHINGLE_CHARS] for i in range(max(1, len(plain) - _SHINGLE_CHARS + 1)))


def _jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    return len(left & right) / len(left | right)
