"""presidio-research's synthetic sentences (MIT): texts with marked names, numbers and addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.benchmarks.suites.cases import Marked, MarkedSpan
from scripts.benchmarks.suites.files import NotMeasured, column, find, whole_json

STRUCTURED = frozenset(
    {"EMAIL_ADDRESS", "EMAIL", "IP_ADDRESS", "URL", "DOMAIN_NAME", "US_SSN"}
    | {"IBAN_CODE", "IBAN", "CREDIT_CARD", "PHONE_NUMBER"}
)
"""Types with a form of their own. Names, places, dates and licences are told in the table by themselves."""
NAMES = frozenset({"PERSON"})


def load(folder: Path) -> list[Marked]:
    """Its sentences. Raises NotMeasured."""
    path = find(folder, "synth_dataset_v2.json", "synth_dataset*.json")
    return [
        Marked(
            column(row, ("full_text", "text"), path), tuple(_span(s, path) for s in row.get("spans") or ())
        )
        for row in whole_json(path)
    ]


def _span(row: dict[str, Any], path: Path) -> MarkedSpan:
    try:
        start, end = int(row["start_position"]), int(row["end_position"])
    except (KeyError, TypeError, ValueError) as error:
        raise NotMeasured(f"{path.name}: a span has no start_position and end_position") from error
    return MarkedSpan(column(row, ("entity_type",), path), start, end)
