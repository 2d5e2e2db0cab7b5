"""Breaking NLI (Glockner et al., ACL 2018; CC BY-SA 4.0): sentence pairs that differ in one word."""

from __future__ import annotations

from pathlib import Path

from scripts.benchmarks.suites.cases import Pair
from scripts.benchmarks.suites.files import NotMeasured, column, find, json_lines


def load(folder: Path) -> list[Pair]:
    """Its pairs by category; positive is a contradiction, negative an entailment, neutral ones are left out.

    Raises NotMeasured.
    """
    for path in _candidates(folder):
        rows = list(json_lines(path))
        if rows and {"sentence1", "sentence2", "gold_label"} <= rows[0].keys():
            break
    else:
        raise NotMeasured("data/dataset.jsonl of Breaking_NLI is not there")
    return [
        Pair(
            str(row.get("category", "")),
            column(row, ("sentence1",), path),
            column(row, ("sentence2",), path),
            row.get("gold_label") == "contradiction",
        )
        for row in rows
        if row.get("gold_label") in ("contradiction", "entailment")
    ]


def _candidates(folder: Path) -> list[Path]:
    """The name is a common one, so every file that bears it is looked at."""
    try:
        find(folder, "dataset.jsonl", "breaking_nli*.jsonl")
    except NotMeasured:
        return []
    return sorted(
        path
        for pattern in ("dataset.jsonl", "dataset.jsonl.gz", "breaking_nli*.jsonl*")
        for path in folder.rglob(pattern)
        if path.is_file()
    )
