"""What is written like a telephone number, whether or not any country gives it out.

A number that libraries know (`phonenumbers`) is not enough: people write extensions, trunk zeros in brackets and
numbers of countries that the sentence does not name, and made-up ones (555) identify as well as real ones do.
Not covered: seven or eight digits without a word such as 'call' nearby, and numbers spelled in words.
"""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import re
from collections.abc import Iterator

import phonenumbers

_CONTEXT = re.compile(
    r"(?i)\b(?:phone|tele?phone|call|calls|called|calling|tel|mobile|cell|fax|whatsapp|sms|text|dial|ring|reach|hotline|landline|contact"
    r"|(?:my|your|his|her|their|our|new|old|home|work|office|direct|contact|emergency) numbers?|numbers? on file)\b"
)
_LOOSE = re.compile(r"(?<![\w.+-])\+?\(?\d(?:[ ()./-]{0,3}\d){6,14}(?![\w-]|[.,]\d)")
_EXTENSION = r"(?:\s?(?:x|ext\.?|extension|#)\s?\d{1,6})"
_SHAPED = re.compile(
    r"(?i)(?<![\w.+/-])(?P<body>(?:\+\s?|\()?(?:\+?\d)(?:[ ()./-]{0,3}\d){6,16})(?P<extension>"
    + _EXTENSION
    + r")?(?![\w-]|[.,]\d)"
)
_NUMBER_OF_A_THING = re.compile(
    r"(?i)\b(?:isbn|issn|ean|order|serial|part|invoice|ticket|tracking|item|article|model|version|sku|lot|build|case|population|patent)\b[^.!?\n]{0,25}$"
)
_DATE = re.compile(
    r"^(?:(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}|\d{1,2}[-./ ]\d{1,2}[-./ ](?:19|20)\d\d)(?!\d)"
)
_IPV4 = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_REGIONS = ("US", "GB", "DE", "FR", "IN")
_GROUPED = frozenset({(3, 3, 4), (1, 3, 3, 4), (1, 3, 3, 2, 2), (3, 3, 2, 2), (2, 5, 4), (2, 5, 5)})
"""Sizes of groups of digits that are numbers of telephones in America, Russia, Brazil and India."""


def phones(text: str, about: str) -> Iterator[tuple[int, int]]:
    """Spans in `text` that are telephone numbers; `about` is all that is said around it. Spans may overlap."""
    for start, end in _written(text, about):
        before, written = text[max(0, start - 60) : start], text[start:end]
        if _NUMBER_OF_A_THING.search(before) or _DATE.match(written.lstrip("( ")):
            continue
        if not _IPV4.fullmatch(written):
            yield start, end


def _written(text: str, about: str) -> Iterator[tuple[int, int]]:
    if _CONTEXT.search(about):
        yield from (match.span() for match in _LOOSE.finditer(text))
    yield from (match.span() for match in _SHAPED.finditer(text) if _is_shaped(match))
    for region in _REGIONS if not text.lstrip().startswith("+") else (None,):
        for found in phonenumbers.PhoneNumberMatcher(text, region, leniency=phonenumbers.Leniency.VALID):
            yield found.start, found.end


def _is_shaped(match: re.Match[str]) -> bool:
    body = match["body"].strip()
    groups = re.findall(r"\d+", body)
    digits = "".join(groups)
    if not 7 <= len(digits) <= 15 or len(set(digits)) == 1:
        return False
    if match["extension"]:
        return len(digits) >= 9 or len(groups) > 1
    if body.startswith("+") or body.startswith("(+"):
        return len(digits) >= (8 if len(groups) > 1 else 9)
    if body.startswith("("):
        return len(digits) >= 8 and len(groups) > 1
    if digits.startswith("00"):
        return len(digits) >= 10 and digits[2] != "0"
    if digits.startswith("0"):
        return groups[0] != "0" and len(digits) in (9, 10, 11, 12)
    return _is_grouped(body, tuple(len(group) for group in groups), digits)


def _is_grouped(body: str, sizes: tuple[int, ...], digits: str) -> bool:
    """Groups of the sizes in which telephone numbers are read out."""
    pairs = len(sizes) >= 4 and sizes[0] in (2, 3) and set(sizes[1:]) == {2} and len(digits) >= 9
    separators = set(re.findall(r"\D+", body))
    return (pairs and len(separators) == 1) or (sizes in _GROUPED and (sizes[0] == 1 or digits[0] > "1"))
