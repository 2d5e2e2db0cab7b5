"""The three experiments as courses: passages learned one after another, and what is asked after each.

`single` is many courses of one passage, `matrix` some of eight where every passage so far is asked after
every edit, `stream` one long course where the passage just learned is asked at once and all of them at every
quarter.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Literal

from scripts.benchmarks.seal.data import Draw, Passage

Experiment = Literal["single", "matrix", "stream"]
PASSAGES: dict[Experiment, int] = {"single": 200, "matrix": 8, "stream": 100}
"""As SEAL (single, matrix) and SCoL (stream, arXiv 2605.07076) have them."""
LOOKS = 4
"""How often a stream looks back at everything learned so far."""


@dataclass(frozen=True, slots=True)
class Course:
    """Passages in the order of learning. Steps are counted from 0."""

    passages: tuple[Passage, ...]
    looks_back: frozenset[int]
    """Steps after which every passage so far is asked, and the outsiders; else only the one just learned."""

    def asked(self, step: int) -> tuple[Passage, ...]:
        """Whose questions are asked after this step, in the order of learning."""
        return self.passages[: step + 1] if step in self.looks_back else self.passages[step : step + 1]

    @property
    def digest(self) -> str:
        """Names the course by what it does."""
        text = json.dumps([[passage.id for passage in self.passages], sorted(self.looks_back)])
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def courses(experiment: Experiment, draw: Draw, passages: int, sequences: int) -> list[Course]:
    """The courses of an experiment; `sequences` counts only for the matrix."""
    if experiment == "single":
        return [Course((passage,), frozenset({0})) for passage in draw.first(passages)]
    if experiment == "matrix":
        drawn = (draw.sequence(number, passages) for number in range(sequences))
        return [Course(taught, frozenset(range(len(taught)))) for taught in drawn]
    taught = draw.first(passages)
    quarters = (round(len(taught) * part / LOOKS) - 1 for part in range(1, LOOKS + 1))
    return [Course(taught, frozenset(max(0, step) for step in quarters))]
