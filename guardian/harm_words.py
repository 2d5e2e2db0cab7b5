"""What the toxicity head counts beside the meaning of a text: words by kind, frames of speech, who is addressed."""
# ruff: noqa: E501 (a pattern or a list is read as one line)

from __future__ import annotations

import math
import re
from importlib.resources import files

_WORD = re.compile(r"[a-z][a-z'-]*")


def _read() -> dict[str, frozenset[str]]:
    sections: dict[str, set[str]] = {}
    name = ""
    text = files("guardian").joinpath("data/harm_words.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("["):
            name = line.strip("[]")
            sections[name] = set()
        elif line and not line.startswith("#"):
            sections[name] |= set(line.split())
    return {name: frozenset(words) for name, words in sections.items()}


SECTIONS = _read()

_REPORTED = re.compile(
    r"\b(?:say(?:s|ing)?|said|claim(?:s|ed|ing)?|call(?:s|ed|ing)?|wrote|writes?|writing|shout(?:s|ed|ing)?|tell(?:s|ing)?|told|stat(?:e|es|ed|ing)|tweet\w*"
    r"|sprayed|post(?:s|ed|ing)|comments?|phrases?|slogans?|signs?|words?|statements?|sentences?|opinions?|joke(?:s|d)? about|thinks?|believes?)\b"
)
_DENIED = re.compile(
    r"\b(?:not|n't|never|no|nobody|none|neither|nor|without|stop|against|don't|doesn't|aren't|isn't|shouldn't|can't|won't|wouldn't|didn't|false|untrue|myth)\b|n't\b"
)
_NO_HATE = re.compile(
    r"\b(?:(?:don't|do not|doesn't|never|didn't|would never|could never|not|nobody|no one|none of us|shouldn't|must never|must not)\s+(?:\w+\s+){0,3}?"
    r"(?:hates?|hated|hurt|harm|harmed|attack(?:ed)?|despise|loathe|insult|kill|killed|mock|call|say|want|believe|think|deserve))\b"
    r"|\b(?:no|not one|not a single) (?:\w+ ){0,3}(?:deserves? to|should (?:ever )?(?:be|die|have to))\b"
)
_QUOTE = re.compile(r"[\"“”«»]|(?<!\w)'[^']{6,}'(?!\w)")
_QUESTION = re.compile(r"\?\s*$|^(?:who|what|when|where|why|how|which|is|are|do|does|did|can|should)\b")
_SECOND = re.compile(r"\b(?:you|you're|your|yours|u|ur|yourself)\b")
_THIRD = re.compile(r"\b(?:they|them|their|those people|these people|they're)\b")
_FIRST = re.compile(r"\b(?:i|i'm|me|my|myself|we|our|us)\b")
_PROUD = re.compile(r"\b(?:i am|i'm|we are|we're) (?:\w+ ){0,2}one of those people\b|\bproud\b")
_ALL = re.compile(
    r"\b(?:all|every|any|always|never|each|no) (?:\w+ ){0,2}(?:those people|one of those people)\b"
)

FRAMES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("reported", _REPORTED),
    ("denied", _DENIED),
    ("no_hate", _NO_HATE),
    ("quote", _QUOTE),
    ("question", _QUESTION),
    ("second", _SECOND),
    ("third", _THIRD),
    ("first", _FIRST),
    ("proud", _PROUD),
    ("all", _ALL),
)
_COUNTED = tuple(name for name in SECTIONS if name != "minor")
CROSSED: tuple[tuple[str, str], ...] = (
    ("group", "insult"),
    ("group", "hatred"),
    ("group", "violence"),
    ("group", "sexual"),
    ("group", "denied"),
    ("group", "counter"),
    ("group", "kind"),
    ("group", "pattern"),
    ("second", "insult"),
    ("second", "violence"),
    ("second", "slur"),
    ("first", "selfharm"),
    ("first", "violence"),
    ("sexual", "minor"),
    ("counter", "pattern"),
    ("counter", "reported"),
    ("counter", "insult"),
    ("quote", "pattern"),
    ("no_hate", "pattern"),
    ("denied", "insult"),
    ("denied", "hatred"),
    ("denied", "violence"),
    ("question", "violence"),
    ("question", "insult"),
    ("technical", "violence"),
    ("technical", "insult"),
    ("swearing", "group"),
    ("swearing", "second"),
    ("swearing", "kind"),
    ("swearing", "counter"),
)
NAMES: tuple[str, ...] = (
    "group",
    "pattern",
    "swearing",
    "swearword",
    *_COUNTED,
    "minor",
    *(name for name, _ in FRAMES),
    *(f"{a}*{b}" for a, b in CROSSED),
)


def counted(text: str, group: bool, pattern: bool, swearing: float, swearword: bool) -> list[float]:
    """The features in the order of NAMES. `text` is folded and names no group ('those people')."""
    words = _WORD.findall(text)
    found = {
        "group": float(group),
        "pattern": float(pattern),
        "swearing": swearing,
        "swearword": float(swearword),
    }
    for name, section in SECTIONS.items():
        found[name] = math.log1p(sum(word in section for word in words))
    for name, frame in FRAMES:
        found[name] = float(bool(frame.search(text)))
    return [*(found[n] for n in NAMES if "*" not in n), *(found[a] * found[b] for a, b in CROSSED)]
