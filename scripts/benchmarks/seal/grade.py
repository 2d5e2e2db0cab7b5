"""Grading without a judge: SQuAD's normalisation, containment, and how sure a difference is."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean difference with its 95 % bootstrap interval, all in points (percent)."""

    points: float
    low: float
    high: float

    @property
    def shown(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


def normalise(text: str) -> list[str]:
    """Lower case without articles, punctuation and symbols, as SQuAD's official script has it (arXiv
    1606.05250).

    Punctuation is taken as Unicode has it, so that '24–10' and '24-10' are one answer.
    """
    kept = "".join(c for c in text.lower() if unicodedata.category(c)[0] not in "PS")
    return _ARTICLES.sub(" ", kept).split()


def right(answer: str, gold: str) -> bool:
    """Whether the gold answer's tokens stand in the answer, in a row."""
    wanted, given = normalise(gold), normalise(answer)
    if not wanted:  # an answer of articles and marks alone
        return gold.lower().strip() in answer.lower()
    return any(given[i : i + len(wanted)] == wanted for i in range(len(given) - len(wanted) + 1))


def share(hits: Sequence[bool]) -> float:
    """Share of True; 0 of none."""
    return sum(hits) / len(hits) if hits else 0.0


def gain(before: Sequence[float], after: Sequence[float], seed: int = 0) -> Interval:
    """Paired bootstrap of the mean difference (after − before) over units: passages, or sequences.

    `before` and `after` are shares of the same units in the same order. Percentile interval.
    """
    differences = [100 * (b - a) for a, b in zip(before, after, strict=True)]
    if not differences:
        return Interval(0.0, 0.0, 0.0)
    rng = random.Random(seed)
    n = len(differences)
    means = sorted(sum(rng.choices(differences, k=n)) / n for _ in range(RESAMPLES))
    return Interval(
        round(sum(differences) / n, 1),
        round(means[int(0.025 * RESAMPLES)], 1),
        round(means[int(0.975 * RESAMPLES) - 1], 1),
    )
