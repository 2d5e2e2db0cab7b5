"""XSTest (Röttger et al., NAACL 2024; CC BY 4.0): safe prompts that look unsafe, and unsafe contrasts."""

from __future__ import annotations

from pathlib import Path

from scripts.benchmarks.suites.cases import Labelled
from scripts.benchmarks.suites.files import column, find, table


def load(folder: Path) -> list[Labelled]:
    """Its prompts by type; positive is unsafe, by label or by the type's prefix. Raises NotMeasured."""
    path = find(folder, "xstest_prompts.csv", "xstest*prompts*.csv", "xstest*.csv")
    cases = []
    for row in table(path):
        kind = column(row, ("type",), path)
        label = (row.get("label") or "").strip().lower()
        unsafe = label == "unsafe" if label in ("safe", "unsafe") else kind.startswith("contrast")
        cases.append(Labelled(kind, column(row, ("prompt",), path), unsafe))
    return cases
