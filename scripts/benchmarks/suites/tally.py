"""Counting what was objected to: recall, precision, AUC, false blocks, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from scripts.benchmarks.common import percentile


@dataclass(slots=True)
class Tally:
    """Outcomes of one suite or of one group in it."""

    outcomes: list[tuple[bool, bool]] = field(default_factory=list)
    """(whether it should be objected to, whether it was)."""
    scores: list[tuple[float, bool]] = field(default_factory=list)
    """(how much was objected, whether it should be)."""
    ms: list[float] = field(default_factory=list)

    def add(
        self, positive: bool, objected: bool, score: float | None = None, ms: float | None = None
    ) -> None:
        """Count one case."""
        self.outcomes.append((positive, objected))
        if score is not None:
            self.scores.append((score, positive))
        if ms is not None:
            self.ms.append(ms)

    def figures(self) -> dict[str, Any]:
        """Numbers for the JSON file; None where there is nothing to divide by."""
        positives = [objected for positive, objected in self.outcomes if positive]
        negatives = [objected for positive, objected in self.outcomes if not positive]
        caught, false = sum(positives), sum(negatives)
        return {
            "n": len(self.outcomes),
            "positives": len(positives),
            "recall": _share(caught, len(positives)),
            "precision": _share(caught, caught + false),
            "auc": auc(self.scores),
            "false_blocks": _share(false, len(negatives)),
            "ms_p50": percentile(self.ms, 0.5) if self.ms else None,
            "ms_p99": percentile(self.ms, 0.99) if self.ms else None,
        }

    def words(self) -> str:
        """One line for the table."""
        found = self.figures()
        parts = [f"n {found['n']:>5}"]
        for key, name in (("recall", "recall"), ("precision", "precision"), ("auc", "AUC")):
            if found["positives"] and found[key] is not None:
                parts.append(f"{name} {found[key]:.3f}")
        if found["false_blocks"] is not None:
            parts.append(f"false blocks {100 * found['false_blocks']:.1f} %")
        if self.ms:
            parts.append(f"{found['ms_p50']:.1f} / {found['ms_p99']:.1f} ms")
        return "   ".join(parts)


def auc(scores: Sequence[tuple[float, bool]]) -> float | None:
    """Probability that a positive scores above a negative, ties as half; None without both kinds."""
    positives = sum(positive for _, positive in scores)
    negatives = len(scores) - positives
    if not positives or not negatives:
        return None
    ranks, below = 0.0, 0
    for _, tied in groupby(sorted(scores, key=lambda s: s[0]), key=lambda s: s[0]):
        group = list(tied)
        ranks += sum(positive for _, positive in group) * (below + (len(group) + 1) / 2)
        below += len(group)
    return round((ranks - positives * (positives + 1) / 2) / (positives * negatives), 4)


def _share(hits: int, of: int) -> float | None:
    return round(hits / of, 4) if of else None
