"""One text, two readings: the canonical one that checks look at, and the folded one without disguises.

Not covered: look-alikes beyond Cyrillic and Greek, text in pictures, encodings (base64, rot13, Morse).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from guardian.types import Span

_HIDDEN = (
    {0x00AD, 0x034F, 0x061C, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180E, 0x3164, 0xFFA0, 0xFEFF}
    | set(range(0x200B, 0x2010))
    | set(range(0x202A, 0x202F))
    | set(range(0x2060, 0x2070))
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0000, 0xE0080))
    | set(range(0xE0100, 0xE01F0))
)
_DISGUISED = (
    set(range(0xFF01, 0xFF5F))
    | set(range(0x1D400, 0x1D800))
    | set(range(0x249C, 0x24EA))
    | set(range(0x1F130, 0x1F18A))
)
_TAGS = range(0xE0000, 0xE0080)
_FLAGS = frozenset({"gbeng", "gbsct", "gbwls"})
_FLAG = re.compile("\U0001f3f4([\U000e0061-\U000e007a]{5})\U000e007f")
_LOOKALIKES = str.maketrans(
    "аеорсухкмтнвіјѕԁɡαβεικνορτυχγηωАВЕКМНОРСТУХІЈЅΑΒΕΖΗΙΚΜΝΟΡΤΥΧ’‘ʼ",
    "aeopcyxkmthbijsdgabeiknoptuxynwABEKMHOPCTYXIJSABEZHIKMNOPTYX'''",
)
_LEET = str.maketrans("013457@$!|", "oleastasil")
_LEET_I = str.maketrans("013457@$!|", "oieastasii")
_LEET_TOKEN = re.compile(r"[a-z0-9@$!|]{2,}")
_LEET_INSIDE = re.compile(r"[a-z][013457@$!|]|[013457@$!|][a-z]")
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_][ .\-_*·]{1,2}){3,}[^\W\d_](?![^\W_])")
_STRETCHED = re.compile(r"([a-z])\1{2,}")


@dataclass(frozen=True, slots=True)
class Canonical:
    """NFKC text without hidden characters, and where each of its characters stood in the original."""

    text: str
    offsets: tuple[int, ...] | None
    """Index in the original of each character; None when nothing moved."""

    def span(self, start: int, end: int) -> Span:
        """The span of the original that holds characters start..end of the canonical text."""
        if self.offsets is None or start >= end:
            return Span(start, end)
        return Span(self.offsets[start], self.offsets[end - 1] + 1)


def canonical(text: str) -> Canonical:
    """The reading of `text` that every pattern is matched against."""
    if text.isascii():
        return Canonical(text, None)
    hidden = {position for position, _ in hidden_characters(text)}
    letters: list[str] = []
    offsets: list[int] = []
    for position, character in enumerate(text):
        if position in hidden:
            continue
        for letter in unicodedata.normalize("NFKC", character):
            letters.append(letter)
            offsets.append(position)
    return Canonical("".join(letters), tuple(offsets))


def hidden_characters(text: str) -> list[tuple[int, str]]:
    """Where characters stand that a reader cannot see: (index, 'tag' | 'hidden').

    Joiners inside emoji and in scripts that write with them, direction marks in right-to-left text, emoji
    presentation selectors and the flags of England, Scotland and Wales are ordinary writing.
    """
    found: list[tuple[int, str]] = []
    if text.isascii():
        return found
    right_to_left = any(unicodedata.bidirectional(c) in ("R", "AL") for c in text)
    flags = _flag_positions(text)
    for position, character in enumerate(text):
        code = ord(character)
        if code not in _HIDDEN or position in flags:
            continue
        before = text[position - 1] if position else ""
        if _is_ordinary(code, before, right_to_left):
            continue
        found.append((position, "tag" if code in _TAGS or code >= 0xE0100 else "hidden"))
    return found


def disguised_characters(text: str) -> list[int]:
    """Where full-width, mathematical, circled or squared letters stand in for plain ones."""
    return [] if text.isascii() else [i for i, c in enumerate(text) if ord(c) in _DISGUISED]


def repaired(text: str) -> str:
    """`text` without hidden characters, disguised letters written plainly; nothing else is changed."""
    hidden = {position for position, _ in hidden_characters(text)}
    disguised = set(disguised_characters(text))
    return "".join(
        unicodedata.normalize("NFKC", c) if i in disguised else c
        for i, c in enumerate(text)
        if i not in hidden
    )


def folded(text: str) -> str:
    """Lower case, no accents, look-alikes, leet digits and s p a c e d or stretched letters written plainly.

    For recognising words only: digits inside words are gone, and positions do not match the original.
    """
    return _folded(text, _LEET_I)


def folded_readings(text: str) -> tuple[str, ...]:
    """The distinct folded readings: a 1 may stand for an i or an l."""
    return tuple(dict.fromkeys((_folded(text, _LEET_I), _folded(text, _LEET))))


def _folded(text: str, leet: dict[int, int]) -> str:
    plain = canonical(text).text.translate(_LOOKALIKES).casefold()
    if not plain.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    plain = _LEET_TOKEN.sub(lambda m: _unleet(m[0], leet), plain)
    plain = _SPACED.sub(lambda m: re.sub(r"[\W_]", "", m[0]), plain)
    return _STRETCHED.sub(r"\1", plain)


def _unleet(token: str, leet: dict[int, int]) -> str:
    if not _LEET_INSIDE.search(token):
        return token
    body = token.rstrip("!|")
    return body.translate(leet) + token[len(body) :]


def _is_ordinary(code: int, before: str, right_to_left: bool) -> bool:
    if code in (0x200E, 0x200F, 0x061C):
        return right_to_left
    if not before:
        return False
    if code in (0xFE0E, 0xFE0F):
        return not before.isalpha() and before not in " \n\t"
    if code == 0x200D:
        return (
            unicodedata.category(before) in ("So", "Sk") or before == "\ufe0f" or 0x600 <= ord(before) < 0xE00
        )
    return code == 0x200C and 0x600 <= ord(before) < 0xE00


def _flag_positions(text: str) -> set[int]:
    positions: set[int] = set()
    for match in _FLAG.finditer(text):
        region = "".join(chr(ord(c) - 0xE0000) for c in match[1])
        if region in _FLAGS:
            positions |= set(range(match.start(1), match.end()))
    return positions
