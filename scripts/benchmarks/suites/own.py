"""The project's own data: the files that the guardian's tests read (tests/guardian/data)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "tests" / "guardian" / "data"
_ESCAPE = re.compile(r"\\(?:n|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9A-Fa-f]{8})")


@dataclass(frozen=True, slots=True)
class Example:
    """What a user said, and an example made of it."""

    source: str
    prompt: str
    completion: str


def lines(name: str) -> list[str]:
    """The lines of a data file: comments left out, escapes and '~~' resolved."""
    text = (DATA / name).read_text(encoding="utf-8").splitlines()
    kept = [line.replace("~~", "") for line in text if line and not line.startswith("#")]
    return [_ESCAPE.sub(_escaped, line) for line in kept]


def facts() -> list[Example]:
    """Facts as people tell them, with the statement and the questions that teach each."""
    examples: list[Example] = []
    told = ""
    for line in lines("facts.txt"):
        kind, _, text = line.partition(": ")
        if kind == "F":
            told = text
            examples.append(Example(told, "", told))
        elif kind == "Q":
            prompt, _, completion = text.partition(" | ")
            examples.append(Example(told, prompt, completion))
    return examples


def attacks() -> list[Example]:
    """Attacks that must not reach everybody's weights."""
    examples = []
    for line in lines("attacks.txt"):
        source, prompt, completion = (piece.strip()[2:].strip() for piece in line.split(" | "))
        examples.append(Example(source, prompt, completion))
    return examples


def _escaped(match: re.Match[str]) -> str:
    return "\n" if match[0] == r"\n" else chr(int(match[0][2:], 16))
