"""Numbers with units as amounts that can be compared: '3 years' is '36 months', '9 pm' is '21:00'."""

from __future__ import annotations

import re
from dataclasses import dataclass

from guardian.vocabulary import NUMBER_WORDS

_SCALES = {
    "time": "second:1 sec:1 s:1 minute:60 min:60 hour:3600 hr:3600 h:3600 day:86400 week:604800",
    "calendar": "month:1 year:12 decade:120 century:1200",
    "length": "millimetre:1 millimeter:1 mm:1 centimetre:10 centimeter:10 cm:10 metre:1000 meter:1000 m:1000 "
    "kilometre:1000000 kilometer:1000000 km:1000000 inch:25.4 foot:304.8 feet:304.8 yard:914.4 mile:1609344",
    "weight": "milligram:0.001 mg:0.001 gram:1 g:1 kilogram:1000 kilo:1000 kg:1000 tonne:1000000 "
    "pound:453.592 lb:453.592 ounce:28.3495 oz:28.3495",
    "data": "byte:1 kilobyte:1e3 kb:1e3 megabyte:1e6 mb:1e6 gigabyte:1e9 gb:1e9 terabyte:1e12 tb:1e12",
    "share": "percent:0.01",
}
_UNITS = {
    unit: (dimension, float(size))
    for dimension, listed in _SCALES.items()
    for unit, size in (pair.split(":") for pair in listed.split())
}
_WORDS = {**NUMBER_WORDS, "one": "1", "a": "1", "an": "1", "half": "0.5", "couple": "2"}
_TIMES = {"dozen": 12.0, "hundred": 100.0, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_TOKEN = re.compile(r"\d+(?:[.,:]\d+)*|[a-z%]+")
_IGNORED = frozenset(
    """at about around exactly of the old long high tall wide per euro euros dollar dollars""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount in the smallest unit of its dimension; dimension '' is a bare number."""

    dimension: str
    amount: float

    def differs(self, other: Quantity) -> bool:
        """Whether both cannot be so; a bare number may mean any unit and is compared as it is written."""
        return abs(self.amount - other.amount) > 1e-6 * max(abs(self.amount), abs(other.amount), 1e-9)


def quantity(phrase: str) -> Quantity | None:
    """The amount that the whole phrase says, or None when it says more than an amount."""
    tokens = [t for t in _TOKEN.findall(phrase.lower().replace("%", " percent ")) if t not in _IGNORED]
    amount: float | None = None
    dimension, clock = "", False
    for token in tokens:
        if token in ("am", "pm") and amount is not None and amount < 13 * 3600:
            amount = _of_day(amount if clock else amount * 3600, token)
            dimension = "clock"
        elif ":" in token and amount is None:
            amount, dimension, clock = _clock(token), "clock", True
        elif (number := _number(token)) is not None:
            amount = number if amount is None else amount + number
        elif token in _TIMES:
            amount = (1.0 if amount is None else amount) * _TIMES[token]
        elif amount is not None and not dimension and (unit := _unit(token)):
            dimension, amount = unit[0], amount * unit[1]
        else:
            return None
    return None if amount is None else Quantity(dimension, amount)


def is_unit(word: str) -> bool:
    """Whether the word makes an amount of a number that stands before it."""
    return word.lower() in ("am", "pm") or word.lower() in _IGNORED or _unit(word.lower()) is not None


def _number(token: str) -> float | None:
    token = _WORDS.get(token, token)
    if not token[0].isdigit() or ":" in token:
        return None
    plain = re.sub(r",(?=\d{3}(?:\D|$))", "", token).replace(",", ".")
    return float(plain) if plain.count(".") <= 1 else None


def _unit(token: str) -> tuple[str, float] | None:
    return _UNITS.get(token) or _UNITS.get(token.removesuffix("s")) or _UNITS.get(token.removesuffix("es"))


def _clock(token: str) -> float:
    hours, minutes, *seconds = (float(piece) for piece in re.split(r"[:.,]", token))
    return hours * 3600 + minutes * 60 + (seconds[0] if seconds else 0)


def _of_day(seconds: float, half: str) -> float:
    hours = seconds % (12 * 3600)
    return hours + (12 * 3600 if half == "pm" else 0)
