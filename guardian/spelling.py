"""Harmful words restored from misspellings: a swapped, dropped, doubled or split letter hides nothing.

Only words that nobody writes (wordfreq does not know them) are looked at, and only harmful ones restored.
Not covered: two mistakes in one word, words written together, words shorter than five letters.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from guardian.groups import NAMES
from guardian.harm_words import SECTIONS

_TOKEN = re.compile(r"[a-z]+")
_SHORTEST = 5
_UNKNOWN_ZIPF = 1.9
_PIECE_ZIPF = 4.3
"""A piece of a split word is rarer than this by itself ('ver min', 'para sites')."""


@cache
def _index() -> dict[str, str]:
    """Every harmful word by itself with one letter taken out."""
    known = NAMES.union(*(SECTIONS[name] for name in ("slur", "insult", "hatred", "violence")))
    table: dict[str, str] = {}
    for word in sorted(word for word in known if len(word) >= _SHORTEST and word.isalpha()):
        for shorter in (word, *_deletions(word)):
            table.setdefault(shorter, word)
    return table


def _deletions(word: str) -> list[str]:
    return [word[:i] + word[i + 1 :] for i in range(len(word))]


@lru_cache(maxsize=4096)
def _zipf(word: str) -> float:
    from wordfreq import zipf_frequency

    return float(zipf_frequency(word, "en"))


def _restored(word: str) -> str:
    if len(word) < _SHORTEST - 1 or _zipf(word) >= _UNKNOWN_ZIPF:
        return word
    index = _index()
    for reading in (word, *_deletions(word)):
        found = index.get(reading)
        if found and abs(len(found) - len(word)) <= 1 and _near(word, found):
            return found
    return word


def _near(word: str, target: str) -> bool:
    """Whether one swap, deletion, insertion or replacement turns one into the other."""
    if len(word) != len(target):
        longer, shorter = sorted((word, target), key=len, reverse=True)
        return shorter in _deletions(longer)
    wrong = [i for i, (a, b) in enumerate(zip(word, target, strict=True)) if a != b]
    if len(wrong) <= 1:
        return True
    first, second = wrong[0], wrong[-1]
    return second == first + 1 and word[first] == target[second] and word[second] == target[first]


def restored(text: str) -> str:
    """A folded text with misspelt harmful words written as they are meant."""
    joined = _join(text)
    return _TOKEN.sub(lambda match: _restored(match[0]), joined)


def _join(text: str) -> str:
    """'ver min' as 'vermin': two pieces, one of them rare, that make a harmful word."""
    pieces = text.split(" ")
    index = _index()
    out: list[str] = []
    for piece in pieces:
        bare = piece.strip(".,!?;:\"'")
        whole = (out[-1] if out else "") + bare
        if (
            out
            and index.get(whole) == whole
            and whole.isalpha()
            and min(_zipf(out[-1]), _zipf(bare)) < _PIECE_ZIPF
        ):
            out[-1] += piece
        else:
            out.append(piece)
    return " ".join(out)
