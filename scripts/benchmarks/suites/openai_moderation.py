"""OpenAI's moderation evaluation set (Markov et al. 2022; MIT): 1,680 texts with up to eight labels."""

from __future__ import annotations

from pathlib import Path

from scripts.benchmarks.suites.cases import Labelled
from scripts.benchmarks.suites.files import column, find, json_lines

LABELS = {
    "S": "sexual",
    "H": "hate",
    "V": "violence",
    "HR": "harassment",
    "SH": "self-harm",
    "S3": "sexual/minors",
    "H2": "hate/threatening",
    "V2": "violence/graphic",
}


def load(folder: Path) -> list[tuple[str, frozenset[str]]]:
    """(text, names of its labels). A label that is missing means unknown and counts as absent.

    Raises NotMeasured.
    """
    path = find(folder, "samples-1680.jsonl", "samples*.jsonl")
    return [
        (
            column(row, ("prompt", "text"), path),
            frozenset(name for label, name in LABELS.items() if row.get(label) in (1, "1", 1.0, True)),
        )
        for row in json_lines(path)
    ]


def labelled(cases: list[tuple[str, frozenset[str]]], label: str = "") -> list[Labelled]:
    """The cases with one label, or any, as positives and those without any label as negatives."""
    return [
        Labelled(label or "any label", text, bool(labels))
        for text, labels in cases
        if not labels or not label or label in labels
    ]
