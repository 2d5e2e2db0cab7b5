"""BEGIN (Dziri et al., TACL 2022; CC BY 4.0): does a response follow from the knowledge that it was given?"""

from __future__ import annotations

from pathlib import Path

from scripts.benchmarks.suites.cases import Pair
from scripts.benchmarks.suites.files import column, find, table


def load(folder: Path, name: str = "begin_test_wow.tsv") -> list[Pair]:
    """Its responses by the model that gave them; positive (to be objected to) is 'Not fully attributable'.

    Generic responses are left out, as when the score was tuned on the dev split. Raises NotMeasured.
    """
    path = find(folder, name)
    pairs = []
    for row in table(path, "\t"):
        label = column(row, ("begin_label", "label"), path).strip().lower()
        if label != "generic":
            given, claim = column(row, ("knowledge",), path), column(row, ("response",), path)
            pairs.append(Pair(row.get("model_name", ""), given, claim, label != "fully attributable"))
    return pairs
