"""Sentences, words and numbers of a text, as the checks compare them. English only."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from guardian.unicode import canonical
from guardian.vocabulary import IRREGULAR, NEGATORS, NUMBER_WORDS, STOPWORDS

_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")
_BREAK = re.compile(r"(?<=[.!?])[\"')\]”’]*\s+|\n+|(?<=[^\s\d]):\s+(?=[A-Z])")
_ABBREVIATION = re.compile(
    r"(?:\b(?:Dr|Mr|Mrs|Ms|Prof|St|No|Nr|vs|etc|Inc|Ltd|Co|Jr|Sr|approx|e\.g|i\.e|a\.m|p\.m)|\b[A-Z])\.$"
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word or number of a text."""

    text: str
    stem: str
    """What it is compared by: numbers normalised ('9:00' and 'nine' are '9'), inflections taken off."""
    start: int
    end: int
    number: bool = False
    capital: bool = False
    """Written with a capital first letter."""
    opens: bool = False
    """First word of its sentence, where a capital says nothing."""

    @property
    def content(self) -> bool:
        """Whether it carries meaning: a number, or not one of the function words."""
        return self.number or self.text.lower() not in STOPWORDS


def words(text: str) -> list[Word]:
    """Words and numbers of `text` in order. Positions are in its canonical form."""
    plain = canonical(text).text.replace("’", "'")  # as long as before: positions hold
    found: list[Word] = []
    for match in _TOKEN.finditer(plain):
        raw = match[0]
        number = raw[0].isdigit() or raw.lower() in NUMBER_WORDS
        between = plain[found[-1].end : match.start()] if found else "."
        opens = any(mark in between for mark in ".!?\n:") and not _ABBREVIATION.search(
            plain[: match.start()].rstrip()[-8:]
        )
        stem = plain_number(raw) if number else stemmed(raw)
        found.append(Word(raw, stem, match.start(), match.end(), number, raw[0].isupper(), opens))
    return found


def stemmed(word: str) -> str:
    """A light stem: 'closes', 'closed' and 'closing' meet, 'library' and 'libraries' too."""
    plain = re.sub(r"['’]s?$", "", word.lower())
    if plain in IRREGULAR:
        return IRREGULAR[plain]
    if len(plain) > 4 and plain.endswith("ies"):
        plain = plain[:-3] + "y"
    elif len(plain) > 3 and plain.endswith("s") and not plain.endswith(("ss", "us", "is")):
        plain = plain[:-2] if plain.endswith(("ches", "shes", "sses", "xes")) else plain[:-1]
    for ending in ("ation", "ment", "ing", "ion", "ed", "er", "or"):
        root = plain.removesuffix(ending)
        if root != plain and len(root) >= 3 and re.search(r"[aeiouy]", root):
            plain = root + "at" if ending == "ation" else root
            break
    if len(plain) > 3 and plain[-1] == plain[-2] and plain[-1] not in "aeiousl":
        plain = plain[:-1]
    return plain.removesuffix("e") if len(plain) > 3 else plain


def sentences(text: str) -> list[str]:
    """The sentences and lines of `text`, without the white space around them."""
    pieces: list[str] = []
    start = 0
    for match in _BREAK.finditer(text):
        if _ABBREVIATION.search(text[max(0, match.start() - 8) : match.start()]):
            continue
        pieces.append(text[start : match.end()])
        start = match.end()
    pieces.append(text[start:])
    return [piece.strip() for piece in pieces if piece.strip()]


def closest(pieces: list[str], text: str) -> str:
    """The piece that shares most content words with `text`; the first of equals; '' when there are none."""
    wanted = content_stems(text)
    best, most = "", -1
    for piece in pieces:
        shared = len(content_stems(piece) & wanted)
        if shared > most:
            best, most = piece, shared
    return best


def content_stems(text: str) -> set[str]:
    """Stems of the words that carry meaning, and numbers."""
    return {word.stem for word in words(text) if word.content}


def fact_fingerprint(statement: str) -> str:
    """Name of a fact for counting who stated it: equal for sentences of the same content words in any order.

    Negators count as content. Two paraphrases with different words have different fingerprints, so a quorum
    counted by it errs towards too few.
    """
    said = " ".join(sorted(meaning(statement)))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def meaning(statement: str) -> frozenset[str]:
    """Stems of the content words and negators of a statement: what is left of it without order and form."""
    return frozenset(w.stem for w in words(statement) if w.content or w.text.lower() in NEGATORS)


def plain_number(raw: str) -> str:
    """A number as it is compared: '8,443' is '8443', '9:00' and 'nine' are '9'."""
    plain = NUMBER_WORDS.get(raw.lower(), raw)
    plain = re.sub(r",(?=\d{3}(?:\D|$))", "", plain)
    plain = re.sub(r"(?:[.:]0+)$", "", plain)
    return plain.lstrip("0") or "0"
