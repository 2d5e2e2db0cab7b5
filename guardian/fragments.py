"""Rare fragments: the words of a text that could point at somebody or something in particular.

Without a model that knows names, what is left when everyday vocabulary is taken away stands in for them:
tokens with a digit or an '@', addresses of pages, capitals inside a sentence, and words that a public word
list (wordfreq, English) does not have. At the start of a sentence a capital says nothing; there a word is a
fragment when it is rare, when another capital follows it ('Grace Bell'), or when it travels: 'Maria' and
'Paris' are about as frequent in German, Spanish, Italian, Dutch and Swedish as in English, 'Please' and
'Company' are not. A wrong alarm costs delay, not damage: whoever uses fragments asks for more people, not
for a refusal.

Not covered: names in lower case that are everyday words or frequent names ('rose', 'john'), one-word names
of English only that open a sentence ('Hope called.', 'Germany won.'), titles and trades in plain words, and
other languages: there nearly every word is a fragment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import NamedTuple

import wordfreq

from guardian.types import Span
from guardian.unicode import canonical
from guardian.vocabulary import STOPWORDS
from guardian.words import plain_number

_TOKEN = re.compile(r"[^\W_]+(?:[.,:/@_+'’&%#=~\\-]+[^\W_]+)*")
_PART = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_WHOLE = re.compile(r"[\d@]|[^\W\d_]\.[^\W\d_]{2,}")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*\Z")
_POSSESSIVE = re.compile(r"['’]s?\Z")
_OPENS = re.compile(r"[.!?…:\n\"“”«(•]")
_ABBREVIATED = frozenset("dr mr mrs ms prof st no nr vs etc inc ltd co jr sr rev gen col sgt mt".split())  # noqa: SIM905 (read as text)
_NEVER = frozenset({"i", "i'm", "i've", "i'd", "i'll", "ok"})
_COMMON_ZIPF = 3.0
"""Once in a million words: where wordfreq's small list ends."""
_OPENER_ZIPF = 3.5
"""Rarer words that open a sentence are fragments: most names lie below."""
_TRAVEL_ZIPF = 1.15
"""A name loses no more than this elsewhere. Set by eye: 'mark' loses 0.6, 'london' 1.1, 'when' 2.5."""
_TRAVEL_LANGUAGES = ("de", "es", "it", "nl", "sv")
_SHOUTED_WORDS = 4


class Fragment(NamedTuple):
    """A rare word, and where it stands."""

    text: str
    """What it is compared by: case, possessive and the writing of a number taken off."""
    span: Span
    """Its place in the text as it was given, in characters."""


@dataclass(frozen=True, slots=True)
class _Piece:
    normal: str
    start: int
    end: int
    whole: bool
    """An identifier, a number or an address: it is not taken apart, and always a fragment."""
    capital: bool
    opens: bool


class _Vocabulary(NamedTuple):
    common: frozenset[str]
    openers: frozenset[str]
    """Common words that may open a sentence without being taken for a name."""


def fragments(text: str) -> tuple[Fragment, ...]:
    """The rare fragments of `text` in order; each word of a name is one. About 0.05 ms a sentence."""
    plain = canonical(text)
    pieces = list(_pieces(plain.text))
    shouted = len(pieces) >= _SHOUTED_WORDS and plain.text.isupper()
    found = []
    for index, piece in enumerate(pieces):
        after = pieces[index + 1] if index + 1 < len(pieces) else None
        if _is_rare(piece, after, plain.text, shouted):
            found.append(Fragment(piece.normal, plain.span(piece.start, piece.end)))
    return tuple(found)


def tokens(text: str) -> frozenset[str]:
    """Every word of `text`, rare or not, written as a fragment would be: 'bob' and 'Bob' meet here."""
    return frozenset(piece.normal for piece in _pieces(canonical(text).text))


def warm_up() -> None:
    """Read the word lists now (a fifth of a second), so that the first call need not."""
    _vocabulary()


def _pieces(text: str) -> Iterator[_Piece]:
    end, last = 0, ""
    for token in _TOKEN.finditer(text):
        between = text[end : token.start()]
        opens = not end or (bool(_OPENS.search(between)) and not (between[0] == "." and _is_short(last)))
        if _WHOLE.search(token[0]):
            yield _Piece(_normal(token[0]), *token.span(), True, True, opens)
            last = token[0]
        else:
            for part in _PART.finditer(token[0]):
                start = token.start() + part.start()
                capital = part[0][0].isupper()
                yield _Piece(_normal(part[0]), start, start + len(part[0]), False, capital, opens)
                opens, last = False, part[0]
        end = token.end()


def _normal(raw: str) -> str:
    if _NUMBER.match(raw):
        return plain_number(raw)
    return _POSSESSIVE.sub("", raw.casefold().replace("’", "'"))


def _is_short(word: str) -> bool:
    """Whether a full stop behind the word abbreviates it: 'Dr.', 'J.'."""
    return (len(word) == 1 and word.isupper()) or word.casefold() in _ABBREVIATED


def _is_rare(piece: _Piece, after: _Piece | None, text: str, shouted: bool) -> bool:
    word = piece.normal
    if piece.whole:
        return True
    if not word or word in _NEVER:
        return False
    vocabulary = _vocabulary()
    if not piece.capital:
        return not _is_known(word, vocabulary.common)
    if not piece.opens and not shouted:
        return True
    if word in STOPWORDS:
        return False
    named = not shouted and after is not None and _begins_a_name(piece, after, text)
    return named or not _is_known(word, vocabulary.openers)


def _begins_a_name(piece: _Piece, after: _Piece, text: str) -> bool:
    """'Grace Bell' and 'Grace's', but not 'Our ...', 'On Monday' (stop words) or two lines."""
    possessive = text[piece.start : piece.end].endswith(("'s", "’s"))
    adjacent = text[piece.end : after.start] in (" ", "-", ". ")
    return possessive or (adjacent and after.capital and not after.whole)


def _is_known(word: str, known: frozenset[str]) -> bool:
    return word in known or (word.endswith("s") and len(word) > 3 and word[:-1] in known) or len(word) == 1


@cache
def _vocabulary() -> _Vocabulary:
    """From wordfreq's small lists, read without its cache: only the words that are needed stay in memory."""
    english = _zipf("en")
    elsewhere = [_zipf(language) for language in _TRAVEL_LANGUAGES]
    common = frozenset(word for word, zipf in english.items() if zipf >= _COMMON_ZIPF)
    openers = frozenset(
        word
        for word in common
        if english[word] >= _OPENER_ZIPF
        and median(other.get(word, 0.0) for other in elsewhere) < english[word] - _TRAVEL_ZIPF
    )
    return _Vocabulary(common, openers)


def _zipf(language: str) -> dict[str, float]:
    """Frequency of each word of a language's small list, on the Zipf scale (log10 of times in 10⁹ words)."""
    bins = wordfreq.read_cBpack(wordfreq.available_languages("small")[language])
    return {word: 9 - centibels / 100 for centibels, words in enumerate(bins) for word in words}
