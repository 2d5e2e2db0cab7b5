"""Made-up values: how a user says one, and what a right answer may hold instead."""

from __future__ import annotations

import calendar
import random
import re
from dataclasses import dataclass
from typing import Any

MONTHS = tuple(calendar.month_name)[1:]
SMALL = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)


@dataclass(frozen=True)
class Value:
    """`said` stands in the sentence; an answer that holds one of `accepted` as whole words is right."""

    said: str
    accepted: tuple[str, ...]


def draw(spec: dict[str, Any], pools: dict[str, list[str]], rng: random.Random) -> Value:
    """As `kinds.json` describes it: of a pool, a pair of pools, a number, a time, a date or a room."""
    if "pool" in spec:
        said = rng.choice(pools[spec["pool"]])
        return Value(said, (re.sub(r"^an? ", "", said),))
    if "pair" in spec:
        said = " ".join(rng.choice(pools[name]) for name in spec["pair"])
        return Value(said, (said,))
    if "number" in spec:
        return _number(rng.randint(*spec["number"]), spec["said"], spec["accepted"])
    if "time" in spec:
        hour, minute = rng.randint(6, 11), rng.choice((10, 15, 20, 35, 40, 45, 50))
        return Value(f"{hour}:{minute} am", (f"{hour}:{minute}", f"{hour}.{minute}"))
    if "date" in spec:
        return _date(rng.choice(MONTHS), rng.randint(2, 28))
    said = f"{rng.choice('ABCDEFGH')}{rng.randint(101, 489)}"
    return Value(said, (said, f"{said[0]} {said[1:]}", f"{said[0]}-{said[1:]}"))


def _number(number: int, said: str, accepted: list[str]) -> Value:
    word = SMALL[number] if number < len(SMALL) else str(number)
    return Value(said.format(number), tuple(form.format(number, w=word) for form in accepted))


def _date(month: str, day: int) -> Value:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day not in (11, 12, 13) else 0, "th")
    numbered = (f"{day}", f"{day}{ending}")
    forms = [form for d in numbered for form in (f"{month} {d}", f"{d} {month}", f"{d} of {month}")]
    return Value(f"{month} {day}", (*forms, *(f"{month} the {d}" for d in numbered)))
