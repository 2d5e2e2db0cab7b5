"""Deterministic objections to a claim: what no score may outweigh.

Each veto compares the words of a claim with the words of its source. None understands the text: a swap of roles
with a rebuilt sentence, a wrong inference and irony pass.
"""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from wordfreq import zipf_frequency

from guardian.lexicon import lexicon
from guardian.vocabulary import ANTONYMS, ASKING, NEGATORS, VALUE_KINDS
from guardian.words import Word, closest, sentences, stemmed, words

_KINDS = tuple(frozenset(stemmed(word) for word in kind) for kind in VALUE_KINDS)
_OPPOSITES = frozenset((stemmed(a), stemmed(b)) for pair in ANTONYMS for a, b in (pair, pair[::-1]))
_ASKING = frozenset(stemmed(word) for word in ASKING)
_ENDINGS = frozenset({"", "e", "y", "s", "ation", "ion", "able", "ing", "ed", "ly", "ity", "ness"})
_CONTRAST = re.compile(
    r"(?:,\s*(?:and |but )?not|\b(?:instead of|rather than|no longer))\s+(?P<old>[^,.;:!?]{1,60}?)(?=[,.;:!?]|\s+but\b|\s+any ?more\b|$)|\bnot\s+(?P<older>[^,.;:!?]{1,40}?)\s*,?\s+but\b",
    re.IGNORECASE,
)
_CLAUSES = re.compile(r"[;,]?\s+(?:and|but|while|whereas|though|although)\s+|[;]\s*|,\s+(?=the\b|[A-Z])")
_COPULAS = frozenset({"is", "are", "was", "were", "be", "been", "called", "named", "being"})
_UNITS = frozenset(
    {"am", "pm", "euro", "dollar", "year", "month", "day", "hour", "minut", "percent", "km", "kg"}
)


@dataclass(frozen=True, slots=True)
class Veto:
    """One objection: its label, its reason in words, and where it stands in the claim's canonical text."""

    label: str
    reason: str
    where: tuple[tuple[int, int], ...] = ()


def without_corrected(text: str) -> str:
    """`text` without what it takes back itself: '10, not 9' leaves '10'."""
    return _CONTRAST.sub(lambda match: " " * len(match[0]), text)  # positions stay what they were


def vetoes(premise: str, claim: str, question: str = "") -> Iterator[Veto]:
    """Objections to `claim` said on the strength of `premise`, in answer to `question` ('' for none)."""
    given = words(without_corrected(premise))
    known = {w.stem for w in given}
    claimed = words(without_corrected(claim))
    kept = {w.start for w in claimed}
    denied = {w.stem for w in words(premise)}
    novel = [
        w for w in words(claim) if w.content and w.stem not in (known if w.start in kept else known | denied)
    ]
    asked = words(question)
    asked_novel = [w for w in asked if w.content and w.stem not in known]
    numbers = [w for w in novel if w.number]
    if numbers:
        yield Veto("new_number", "A number that the user did not say.", _where(numbers))
    if any(w.number for w in asked_novel):
        yield Veto("new_number_asked", "The question holds a number that the user did not say.")
    names = [w for w in novel if is_name(w)]
    if names:
        yield Veto("new_name", "A name that the user did not say.", _where(names))
    if any(is_name(w) for w in asked_novel):
        yield Veto("new_name_asked", "The question holds a name that the user did not say.")
    sentence = closest(sentences(without_corrected(premise)), f"{question} {claim}")
    told = words(sentence)
    if _polarity(told, claimed, asked):
        yield Veto("polarity", "The claim turns a yes of the user's words into a no, or a no into a yes.")
    swapped = _swapped(told, claimed, known)
    if swapped:
        yield Veto("swapped_word", "A word of the user's sentence was replaced by another.", _where(swapped))
    sides = _class_swaps(told, claimed, known) or _class_swaps(
        told, [w for w in asked if w.stem not in _ASKING], known
    )
    if sides:
        yield Veto("changed_value", "A value was replaced by another of its kind.")
    if _mixed_clauses(premise, {w.stem for w in (*claimed, *asked) if w.content}, claimed):
        yield Veto("mixed_clauses", "A value was moved from one part of what the user said to another.")
    if _roles_swapped(told, claimed):
        yield Veto("swapped_roles", "The same words in another order: who did what to whom may have changed.")


def warm_up() -> None:
    """Read the word frequencies now (half a second), so that the first judgement need not."""
    zipf_frequency("the", "en")


def is_name(word: Word) -> bool:
    """Whether a word reads as a name: capital inside a sentence, or a rare word that opens one."""
    if word.number or not word.capital:
        return False
    if word.opens or len(word.text) == 1:
        return zipf_frequency(word.text.lower(), "en") < 3.5
    return True


def _where(found: list[Word]) -> tuple[tuple[int, int], ...]:
    return tuple((w.start, w.end) for w in found)


def _polarity(told: list[Word], claimed: list[Word], asked: list[Word]) -> bool:
    """Whether an odd number of negators and antonyms lies between the sentence and the claim."""
    content = {w.stem for w in claimed if w.content}
    shared = content & {w.stem for w in told if w.content}
    if not content and not _negators(claimed):
        return False
    about = {w.stem for w in (*claimed, *asked)}
    flips = _negators(told) - _negators([*claimed, *asked])
    if flips < 0:  # a negation that nobody said; asking "is it not?" is not one
        flips = _negators(told) - _negators(claimed)
    stems = {w.stem for w in told}
    replaced, brought = stems - about, about - stems
    antonyms = sum(any((old, new) in _OPPOSITES for new in brought) for old in replaced)
    if flips > 0 and len(shared) * 2 < len({w.stem for w in told if w.content}):
        flips = 0  # the claim repeats only a part that need not be the negated one
    return (flips + antonyms) % 2 != 0


def _negators(text: list[Word]) -> int:
    return sum(w.text.lower() in NEGATORS for w in text)


def _swapped(told: list[Word], claimed: list[Word], known: set[str]) -> list[Word]:
    """Novel content words that stand where another content word of the sentence stood."""
    left, right = [w.stem for w in told], [w.stem for w in claimed]
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    if matcher.ratio() < 0.6:
        return []
    said = set(right)
    unknown = [w for w in claimed if w.content and w.stem not in known]
    for op, a, b, c, d in matcher.get_opcodes():
        old = [w for w in told[a:b] if w.content and w.stem not in said]
        new = [w for w in claimed[c:d] if w.content and w.stem not in known]
        if op != "replace" or not old or new != unknown or not new:
            continue  # a sentence that is new in several places was rewritten: the score decides
        if all(any(_same_meaning(w.text, v.text) for v in old) for w in new):
            continue
        edge = not any(w.content for w in told[:a]) or not any(w.content for w in told[b:])
        if edge or b - a == d - c or any(w.number or is_name(w) for w in old):
            return new
    return []


def _same_meaning(a: str, b: str) -> bool:
    """Whether two words are listed as equal, spelt in two ways, or made of one ('motive', 'motivation')."""
    if lexicon().relation(a, b) == "same":
        return True
    a, b = (word.lower().replace("is", "iz") for word in (a, b))
    root = a[: next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))]
    return len(root) >= 5 and {a.removeprefix(root), b.removeprefix(root)} <= _ENDINGS


def _class_swaps(told: list[Word], claimed: list[Word], known: set[str]) -> bool:
    """Whether the claim names another member of a closed class (a colour, a weekday, a unit) than the sentence."""
    before, now = {w.stem for w in told}, {w.stem for w in claimed}
    return any(before & kind and (now & kind) - known and not now & before & kind for kind in _KINDS)


def _mixed_clauses(premise: str, said: set[str], claimed: list[Word]) -> bool:
    """Whether a value of one clause is claimed with the words of another that has its own value of that kind."""
    clauses = [
        words(c) for s in sentences(without_corrected(premise)) for c in _CLAUSES.split(s) if c.strip()
    ]
    if len(clauses) < 2:
        return False
    answers = {w.stem for w in claimed}
    for numbers in (True, False):
        values = [{w.stem for w in c if w.content and (w.number if numbers else w.capital)} for c in clauses]
        topics = [
            {w.stem for w in c if w.content and not w.number and not w.capital and w.stem not in _UNITS} - v
            for c, v in zip(clauses, values, strict=True)
        ]
        for i, mine in enumerate(values):
            for j, theirs in enumerate(values):
                if i == j or not mine - theirs or not theirs - mine:
                    continue
                moved = (mine - theirs) & answers and not theirs & said
                if (
                    moved
                    and (topics[j] - topics[i]) & said
                    and not (topics[i] - topics[j]) & said
                    and topics[i] - topics[j]
                ):
                    return True
    return False


def _roles_swapped(told: list[Word], claimed: list[Word]) -> bool:
    """Whether the claim is the sentence with two names exchanged and no 'is' or 'by' that would allow it."""
    if sorted(w.stem for w in told) != sorted(w.stem for w in claimed):
        return False
    plain = {w.text.lower() for w in told}
    if plain & _COPULAS or "by" in plain:
        return False
    before = [w.stem for w in told if w.capital and not (w.opens and not is_name(w))]
    now = [w.stem for w in claimed if w.capital and not (w.opens and not is_name(w))]
    return sorted(before) == sorted(now) and before != now
