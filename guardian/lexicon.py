"""Which words exclude each other and which may stand for each other: the lists in guardian/data, as a lookup.

Everyday English, written for this project: kinds whose members exclude each other (colours, countries,
rooms), opposites, and words of the same meaning. A pair that is not listed is unknown, not compatible.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from typing import Literal

from guardian.words import stemmed

Relation = Literal["same", "opposite", "other_of_kind", "unknown"]
_NEGATIVE = ("un", "in", "im", "ir", "il", "dis", "non", "de", "mis", "anti")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Lookups by `key`: of a phrase, its kinds, the names of those kinds, its equals and its opposites."""

    kinds: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Kind names by member; a member's variants share its kinds."""
    variants: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    """(kind, first spelling) by member: two members with one of these in common are one thing."""
    named: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Kinds by the words that name them."""
    groups: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Numbers of the lines of equal words by word."""
    sides: dict[str, set[tuple[int, bool]]] = field(default_factory=lambda: defaultdict(set))
    """(line, side) of the opposites by word."""

    def relation(self, left: str, right: str) -> Relation:
        """How two phrases relate where one stands instead of the other. Symmetric."""
        a, b = key(left), key(right)
        if a == b or self._same(a, b):
            return "same"
        if any((line, not side) in self.sides.get(b, ()) for line, side in self.sides.get(a, ())):
            return "opposite"
        if self.groups.get(a, set()) & self.groups.get(b, set()):
            return "same"
        if _negated(left.lower(), right.lower()):
            return "opposite"
        if self.kinds.get(a, set()) & self.kinds.get(b, set()):
            return "other_of_kind"
        return "unknown"

    def meanings(self, word: str) -> frozenset[object]:
        """Marks of the lines and members that it stands in; words that share a mark are equal."""
        found = key(word)
        return frozenset((*self.groups.get(found, ()), *self.variants.get(found, ())))

    def knows(self, phrase: str) -> bool:
        """Whether the phrase is listed as a member of a kind."""
        return key(phrase) in self.kinds

    def _same(self, a: str, b: str) -> bool:
        if self.variants.get(a, set()) & self.variants.get(b, set()):
            return True
        return bool(
            self.named.get(a, set()) & self.kinds.get(b, set())
            or self.named.get(b, set()) & self.kinds.get(a, set())
        )


@lru_cache(maxsize=10_000)
def key(phrase: str) -> str:
    """What a phrase is looked up by: its words without inflection."""
    return " ".join(_root(word) for word in phrase.lower().replace("-", " ").split())


def _root(word: str) -> str:
    """The stem of the stem, and so on: 'answering' is 'answer', which itself looks like an 'answ-er'."""
    while (stem := stemmed(word)) != word:
        word = stem
    return word


@cache
def lexicon() -> Lexicon:
    """The lists that ship with the package."""
    return build(*(_lines(name) for name in ("kinds", "synonyms", "antonyms")))


def build(kinds: list[str], synonyms: list[str], antonyms: list[str]) -> Lexicon:
    """A lexicon of these lines (see the heads of the files for their form)."""
    made = Lexicon()
    for line in kinds:
        names, members = line.split(": ", 1)
        kind = names.split("=")[0]
        for name in names.split("="):
            made.named[key(name)].add(kind)
        for member in members.split(", "):
            first, *others = member.split("=")
            for spelling in (first, *others):
                made.kinds[key(spelling)].add(kind)
                made.variants[key(spelling)].add((kind, key(first)))
    for number, line in enumerate(synonyms):
        for word in line.split(", "):
            made.groups[key(word)].add(number)
    for number, line in enumerate(antonyms):
        for side, words in enumerate(line.split(" | ")):
            for word in words.split(", "):
                made.sides[key(word)].add((number, bool(side)))
    return made


def _negated(a: str, b: str) -> bool:
    """'happy' and 'unhappy', 'useful' and 'useless'."""
    short, long = sorted((a, b), key=len)
    if len(short) >= 4 and any(long == prefix + short for prefix in _NEGATIVE):
        return True
    return (
        a.removesuffix("ful") == b.removesuffix("less") != b
        or b.removesuffix("ful") == (a.removesuffix("less")) != a
    )


def _lines(name: str) -> list[str]:
    text = resources.files("guardian").joinpath("data", f"{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
