"""What the loaders of the suites hand over."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text that should be objected to, or should not."""

    group: str
    """Functionality, category or type, in the suite's own words."""
    text: str
    positive: bool


@dataclass(frozen=True, slots=True)
class MarkedSpan:
    """An entity and where it stands, in characters."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and the entities in it."""

    text: str
    spans: tuple[MarkedSpan, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A text that is given and one that should follow from it, or should not."""

    group: str
    given: str
    claim: str
    positive: bool
    """Whether the claim is to be objected to."""
