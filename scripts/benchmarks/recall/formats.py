"""Whether an answer keeps to a form that was asked for, decided by code; the requests are in formats.json."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Check = Callable[[str], bool]


@dataclass(frozen=True)
class FormatProbe:
    """A request about form, its check, and an answer of either kind."""

    request: str
    holds: Check
    met: str
    unmet: str


def probes() -> tuple[FormatProbe, ...]:
    """All of them."""
    rows = json.loads((Path(__file__).parent / "formats.json").read_text())["probes"]
    return tuple(FormatProbe(request, checker(*how), met, unmet) for request, how, met, unmet in rows)


def checker(name: str, *arguments: Any) -> Check:
    """The named check with its arguments; an empty answer meets none."""
    check = CHECKS[name]
    return lambda answer: bool(answer.strip()) and check(answer.strip(), *arguments)


def _words(text: str) -> list[str]:
    return re.findall(r"[\w'’-]+", text.lower())


def _bare(text: str) -> str:
    return " ".join(_words(text))


def _lines(text: str, mark: str) -> int:
    return len(re.findall(rf"^[ \t]*(?:{mark})[ \t]+\S", text, re.M))


def _count(text: str, word: str) -> int:
    return len(re.findall(rf"\b{re.escape(word)}\b", text, re.I))


def _without(text: str, unwanted: str) -> bool:
    return not _count(text, unwanted) if unwanted.isalnum() else unwanted not in text


def _json_object(text: str, *keys: str) -> bool:
    fenced = re.fullmatch(r"```(?:json)?\s*(.*?)\s*```", text, re.S)
    try:
        read = json.loads(fenced.group(1) if fenced else text)
    except ValueError:
        return False
    return isinstance(read, dict) and set(read) == set(keys)


def _sentences(text: str, wanted: int) -> bool:
    ended = re.sub(r"([.!?])[\"”')]*(?=\s|$)", r"\1\n", text)
    return len([part for part in ended.split("\n") if _words(part)]) == wanted


def _items(text: str, wanted: int) -> bool:
    return "\n" not in text and len([part for part in text.split(",") if part.strip()]) == wanted


CHECKS: dict[str, Callable[..., bool]] = {
    "lower_case": lambda text: text == text.lower() and text != text.upper(),
    "upper_case": lambda text: text == text.upper() and text != text.lower(),
    "bullets": lambda text, wanted: _lines(text, r"[-*•]") == wanted,
    "numbered": lambda text, wanted: _lines(text, r"\d+[.)]") == wanted,
    "starts_with": lambda text, phrase: f"{_bare(text)} ".startswith(f"{phrase} "),
    "ends_with": lambda text, phrase: f" {_bare(text)}".endswith(f" {phrase}"),
    "ends_in": lambda text, mark: text.endswith(mark),
    "without": _without,
    "json_object": _json_object,
    "sentences": _sentences,
    "words": lambda text, least, most: least <= len(_words(text)) <= most,
    "holds": lambda text, word, times: _count(text, word) >= times,
    "holds_all": lambda text, *words: all(_count(text, word) for word in words),
    "holds_text": lambda text, wanted: wanted in text,
    "paragraphs": lambda text, wanted: len(re.split(r"\n\s*\n", text)) == wanted,
    "quoted": lambda text: bool(re.fullmatch(r"[\"“][^\"“”]+[\"”]", text)),
    "titled": lambda text: bool(re.search(r"<<[^<>]+>>", text)),
    "placeholders": lambda text, wanted: len(re.findall(r"\[[^\[\]]+\]", text)) >= wanted,
    "one_of": lambda text, *allowed: _bare(text) in allowed,
    "digits": lambda text: bool(re.fullmatch(r"\d+\.?", text)),
    "items": _items,
}
