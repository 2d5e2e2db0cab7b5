"""The passages: read from a file in SEAL's format, checked, and drawn by seed.

The file is a JSON list of {"title", "context", "questions": [{"question", "answer"}]}. It only grades: no
recipe, prompt or threshold of this project was chosen by it, and it is no part of the project.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = (
    "knowledge-incorporation/data/squad_val.json in the GitHub repository Continual-Intelligence/SEAL "
    "(code MIT, SQuAD's text CC BY-SA 4.0)"
)
OUTSIDERS = 40
"""Passages that are never taught: whose questions show what teaching the others broke."""
_SENTENCE_END = re.compile(r"(?:(?<=[.!?])|(?<=[.!?][\"”)]))\s+(?=[\"“(]?[A-Z0-9])")
_ABBREVIATED = re.compile(r"(?:\b(?:Dr|Mr|Mrs|Ms|St|Jr|Sr|No|vs|ca|c|e\.g|i\.e|U\.S|[A-Z]))\.\Z")


class BadData(Exception):
    """The file of passages is missing or is not in SEAL's format."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a passage, and the words that answer it."""

    text: str
    answer: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One passage with its questions. `id` is its place in the file."""

    id: str
    title: str
    text: str
    questions: tuple[Question, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The passage cut behind its sentences; what an abbreviation ended goes on."""
        found: list[str] = []
        for part in _SENTENCE_END.split(" ".join(self.text.split())):
            if found and _ABBREVIATED.search(found[-1]):
                found[-1] += f" {part}"
            elif part:
                found.append(part)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Draw:
    """Who is taught and who only watches, the same for every run with this file and seed."""

    taught: tuple[Passage, ...]
    outsiders: tuple[Passage, ...]
    seed: int

    def first(self, count: int) -> tuple[Passage, ...]:
        """The first passages in drawn order: a longer run begins with those of a shorter one."""
        return self.taught[:count]

    def sequence(self, number: int, length: int) -> tuple[Passage, ...]:
        """The passages of one sequence, drawn anew from all that may be taught."""
        rng = random.Random(f"sequence {number} of seed {self.seed}")
        return tuple(rng.sample(self.taught, min(length, len(self.taught))))


def read(path: Path) -> tuple[Passage, ...]:
    """All passages of the file that have questions. Raises BadData, with what is wrong and what to do."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadData(f"there is no file {path}: give --data the path of squad_val.json, {SOURCE}") from error
    except (OSError, ValueError) as error:
        raise BadData(f"{path} cannot be read as JSON ({error}): download it again, {SOURCE}") from error
    if not isinstance(raw, list) or not raw:
        raise BadData(f"{path} is not a JSON list of passages: the benchmark reads SEAL's format, {SOURCE}")
    passages = (_passage(item, number, path) for number, item in enumerate(raw))
    return tuple(passage for passage in passages if passage.questions)


def draw(passages: Sequence[Passage], seed: int, taught_at_least: int) -> Draw:
    """Shuffle by seed; the last OUTSIDERS watch, fewer where the file is small.

    Raises BadData when the file has not `taught_at_least` passages and one more.
    """
    if len(passages) <= taught_at_least:
        raise BadData(
            f"the file has {len(passages)} passages with questions, and {taught_at_least} are to be taught "
            "beside at least one that is not: ask for fewer with --passages"
        )
    order = list(passages)
    random.Random(f"passages of seed {seed}").shuffle(order)
    watching = min(OUTSIDERS, len(order) - taught_at_least)
    return Draw(tuple(order[:-watching]), tuple(order[-watching:]), seed)


def digest(passages: Sequence[Passage]) -> str:
    """Names the passages by their content."""
    text = json.dumps([[p.title, p.text, [[q.text, q.answer] for q in p.questions]] for p in passages])
    return hashlib.sha256(text.encode()).hexdigest()


def _passage(item: Any, number: int, path: Path) -> Passage:
    try:
        questions = tuple(Question(_words(q["question"]), _words(q["answer"])) for q in item["questions"])
        return Passage(f"p{number}", _words(item["title"]), _words(item["context"]), questions)
    except (KeyError, TypeError) as error:
        raise BadData(
            f"passage {number} of {path} is not in SEAL's format ({type(error).__name__}: {error}); "
            "a passage is "
            '{"title", "context", "questions": [{"question", "answer"}]}: ' + SOURCE
        ) from error


def _words(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"{value!r} is not text")
    return value
