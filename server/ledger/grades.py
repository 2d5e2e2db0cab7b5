"""What a feedback value means: a thumb, a word, a number, or a grade on a scale that was told. Pure."""

from __future__ import annotations

import math
from typing import Any

LIKED = frozenset({"up", "good", "thumbs_up", "positive"})
DISLIKED = frozenset({"down", "bad", "thumbs_down", "negative"})
LOW, HIGH = 0.25, 0.75
"""Shares of a scale up to which, and from which on, a grade is a thumb: of five stars two and four."""


def grade(value: float, lowest: float, highest: float) -> dict[str, float]:
    """A grade with its scale, as it is stored. Raises ValueError where it is not on the scale."""
    if not (lowest < highest and lowest <= value <= highest and math.isfinite(highest - lowest)):
        raise ValueError(f"{value:g} is not on a scale from {lowest:g} to {highest:g}")
    return {"rating": value, "min": lowest, "max": highest}


def thumb(value: Any) -> bool | None:
    """True for up, False for down, None for what is neither or a grade on a scale that nobody told us."""
    if isinstance(value, dict) and value.keys() == {"rating", "min", "max"}:
        share = (value["rating"] - value["min"]) / (value["max"] - value["min"])
        return True if share >= HIGH else False if share <= LOW else None
    if isinstance(value, int | float) and value in (1, 0, -1):
        return value == 1
    word = value.strip().lower() if isinstance(value, str) else ""
    return word in LIKED if word in LIKED | DISLIKED else None


def is_negative(value: Any) -> bool:
    """Whether a value objects to the answer: a thumb down, or a number that is not above zero."""
    if isinstance(value, int | float):
        return not math.isnan(value) and value <= 0
    return thumb(value) is False
