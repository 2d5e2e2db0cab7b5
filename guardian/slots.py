"""Two statements side by side: do they differ in one slot, and does what stands there exclude the other?

Nothing here understands a sentence. Statements are aligned by words (or, when one is reordered, compared as
bags of words); what is left on both sides is a slot, and `Contrast` says how much its two fillings exclude
each other: amounts by value, words by the lexicon, unlisted words by a logistic over word vectors. A slot
that only says *which* thing is spoken of ('the library in Arden', 'in Bexley') makes two facts of it and no
conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from guardian.identity import identifies, named
from guardian.lexicon import lexicon
from guardian.quantities import is_unit, quantity
from guardian.vocabulary import NEGATORS
from guardian.words import Word, words

Contrast = Callable[[str, str, str, str], float]
"""(told, claimed, their two sentences) → how likely two unlisted fillings exclude each other, 0 to 1."""

_BE = frozenset({"is", "are", "was", "were", "be", "been", "am", "being"})
_MAX_LEFT = 3
_CLOSE = 0.6


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a claim says beside a told statement."""

    relation: Literal["conflict", "same", "unrelated"]
    """'unrelated' when they speak of different things, or differ in more than a slot: nothing can be said."""
    score: float = 0.0
    """How likely both cannot be so, 0 to 1."""
    told: str = ""
    claimed: str = ""
    """The two fillings of the slot; '' where a negation is the difference."""


_UNRELATED = Comparison("unrelated")


@dataclass(frozen=True, slots=True)
class _Side:
    """One statement: its words without articles, and what they are aligned by."""

    text: str
    words: tuple[Word, ...]
    keys: tuple[str, ...]

    @property
    def negated(self) -> bool:
        """Whether it holds an odd number of negators."""
        return sum(_plain(w) in NEGATORS for w in self.words) % 2 == 1


def compare(told: str, claim: str, contrast: Contrast, threshold: float = 0.5) -> Comparison:
    """`claim` beside `told`. A score at or above `threshold` is a conflict."""
    left, right = _side(told), _side(claim)
    matcher = SequenceMatcher(None, left.keys, right.keys, autojunk=False)
    if not left.words or not right.words:
        return _UNRELATED
    slots = [
        (list(range(a, b)), list(range(c, d))) for op, a, b, c, d in matcher.get_opcodes() if op != "equal"
    ]
    if matcher.ratio() >= _CLOSE and not _moved(left, right, slots):
        found = _judged(left, right, slots, contrast, threshold)
        if found.relation != "unrelated":
            return found
    slot = _left_over(left, right)
    return _judged(left, right, [slot], contrast, threshold) if slot else _UNRELATED


def _moved(left: _Side, right: _Side, slots: list[tuple[list[int], list[int]]]) -> bool:
    """Whether content left one place and other content came in elsewhere: a sentence that was reordered."""
    gone = any(not b and any(left.words[i].content for i in a) for a, b in slots)
    came = any(not a and any(right.words[i].content for i in b) for a, b in slots)
    return gone and came


def _judged(
    left: _Side,
    right: _Side,
    slots: Iterable[tuple[list[int], list[int]]],
    contrast: Contrast,
    threshold: float,
) -> Comparison:
    """The slots together: one that excludes, all others the same, and whether a negation turns that round."""
    worst = Comparison("same")
    conflicts = opposites = doubtful = 0
    for a, b in slots:
        one = _slot(left, right, a, b, contrast)
        if one is None:
            return _UNRELATED
        if one.score >= threshold:
            conflicts += 1
            opposites += one.score == _OPPOSITE
        doubtful += one.score >= threshold / 2
        worst = max(worst, one, key=lambda c: c.score)
    if conflicts and doubtful > 1:
        return _UNRELATED
    if left.negated == right.negated:
        return Comparison("conflict" if conflicts else "same", worst.score, worst.told, worst.claimed)
    if conflicts:  # 'not open' is 'closed', while 'not red' says nothing of 'blue'
        return Comparison("same", 0.1, worst.told, worst.claimed) if opposites else _UNRELATED
    return Comparison("conflict", _OPPOSITE)


_OPPOSITE = 0.98
_AMOUNT = 0.99
_KIND = 0.97
_NAME = 0.9


def _slot(left: _Side, right: _Side, a: list[int], b: list[int], contrast: Contrast) -> Comparison | None:
    """One difference; None when it says that the two statements are about different things."""
    before = [i for i in a if _plain(left.words[i]) not in NEGATORS]
    now = [i for i in b if _plain(right.words[i]) not in NEGATORS]
    old, new = _phrase(left, before), _phrase(right, now)
    if not before or not now:
        added = [*(left.words[i] for i in before), *(right.words[i] for i in now)]
        return None if sum(w.content for w in added) > _MAX_LEFT else Comparison("same", 0.0, old, new)
    if identifies(left.words, before) and identifies(right.words, now):
        return None
    score = _fillings(left, right, before, now, contrast)
    return None if score is None else Comparison("same", score, old, new)


def _fillings(left: _Side, right: _Side, a: list[int], b: list[int], contrast: Contrast) -> float | None:
    """How much two fillings exclude each other; None when they are too long to tell."""
    old, new = _phrase(left, a), _phrase(right, b)
    amounts = quantity(old), quantity(new)
    if amounts[0] and amounts[1]:
        return _AMOUNT if amounts[0].differs(amounts[1]) else 0.0
    listed = _listed([left.words[i] for i in a], [right.words[i] for i in b])
    if listed is not None:
        return listed
    before = [left.words[i] for i in a if left.words[i].content]
    now = [right.words[i] for i in b if right.words[i].content]
    if not before or not now:
        return 0.0  # other function words: 'in' for 'at'
    if len(before) > _MAX_LEFT or len(now) > _MAX_LEFT:
        return None
    stems = {w.stem for w in before}, {w.stem for w in now}
    if stems[0] <= stems[1] or stems[1] <= stems[0]:
        return 0.0  # 'Ottilie Brandt' and 'Brandt'
    if all(left.words[i].number or named(left.words, i) for i in a if left.words[i].content) and all(
        right.words[i].number or named(right.words, i) for i in b if right.words[i].content
    ):
        return _NAME
    return contrast(old, new, left.text, right.text)


def _listed(before: list[Word], now: list[Word]) -> float | None:
    """What the lexicon says of two phrases, or of the words that they are made of."""
    known = lexicon()
    whole = known.relation(_joined(before), _joined(now))
    if whole == "unknown":
        pairs = [(x, y, known.relation(x.text, y.text)) for x in before for y in now]
        for relation in ("opposite", "other_of_kind"):
            if any(r == relation for _, _, r in pairs):
                whole = relation
                break
        matched = {x.start for x, _, r in pairs if r == "same"}, {y.start for _, y, r in pairs if r == "same"}
        if whole == "unknown" and all(
            all(not w.content or w.start in hit for w in side)
            for side, hit in zip((before, now), matched, strict=True)
        ):
            whole = "same"
    return {"opposite": _OPPOSITE, "other_of_kind": _KIND, "same": 0.0, "unknown": None}[whole]


def _left_over(left: _Side, right: _Side) -> tuple[list[int], list[int]] | None:
    """The words that only one side has, when the rest is enough to say that both speak of one thing."""
    mine = {w.stem: i for i, w in enumerate(left.words) if w.content}
    theirs = {w.stem: i for i, w in enumerate(right.words) if w.content}
    known = lexicon()
    shared = mine.keys() & theirs.keys()
    a, b = [mine[s] for s in mine.keys() - shared], [theirs[s] for s in theirs.keys() - shared]
    equal = {
        (i, j)
        for i in a
        for j in b
        if known.relation(left.words[i].text, right.words[j].text) == "same" and not left.words[i].number
    }
    a = sorted(set(a) - {i for i, _ in equal})
    b = sorted(set(b) - {j for _, j in equal})
    kinds = {_kind(right.words, j) for j in b}
    if len(kinds) > 1 or len(b) > _MAX_LEFT:
        return None
    alike = len(shared) + len(equal)
    if alike < 2 or ("word" in kinds and alike < 2 * len(b)):
        return None
    a = [i for i in a if _kind(left.words, i) in kinds]
    return (a, b) if len(a) <= _MAX_LEFT and (a or not b) else None


def _kind(text: tuple[Word, ...], i: int) -> str:
    if text[i].number or (i and text[i - 1].number and is_unit(text[i].text)):
        return "number"
    return "name" if named(text, i) else "word"


def _side(text: str) -> _Side:
    kept = tuple(w for w in words(text) if w.text.lower() != "the")
    return _Side(text, kept, tuple(_key(w) for w in kept))


def _key(word: Word) -> str:
    plain = _plain(word)
    return "be" if plain in _BE else "a" if plain == "an" else word.stem


def _plain(word: Word) -> str:
    return word.text.lower()


def _phrase(side: _Side, where: list[int]) -> str:
    return _joined([side.words[i] for i in where])


def _joined(some: list[Word]) -> str:
    kept = [w for w in some if _plain(w) not in ("a", "an")] if len(some) > 1 else some
    return " ".join(w.text for w in kept)
