"""HateCheck (Röttger et al., ACL 2021; CC BY 4.0): 29 functional tests of hate speech classifiers."""

from __future__ import annotations

from pathlib import Path

from scripts.benchmarks.suites.cases import Labelled
from scripts.benchmarks.suites.files import NotMeasured, column, find, table


def load(folder: Path) -> list[Labelled]:
    """Its cases by functionality; positive is 'hateful'. Raises NotMeasured."""
    path = find(folder, "test_suite_cases.csv", "hatecheck*.csv")
    cases = []
    for row in table(path):
        label = column(row, ("label_gold", "label"), path).strip().lower()
        if label not in ("hateful", "non-hateful"):
            raise NotMeasured(f"{path.name}: label_gold is {label!r}, neither hateful nor non-hateful")
        text = column(row, ("test_case", "text"), path)
        cases.append(Labelled(column(row, ("functionality",), path), text, label == "hateful"))
    return cases
