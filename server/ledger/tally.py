"""Counting units, not turns: what makes a test of a rollout valid. Pure.

Users are drawn for the canary, and users differ: two bad turns of one user are not two signs. So each unit
counts once, at its first bad event, and once more after a rise of the weight while it was on stable before:
then its chance of being on the canary is that of the buckets that are newly shown it. Given everything seen
before, and if the canary is harmless, the arm is a coin with that chance, as `server.rollout.anytime` needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CANARY = 1.0
"""What is noted of a unit that was counted on the canary: no weight is above it, so it never counts again."""


@dataclass(frozen=True, slots=True)
class Split:
    """Units that were on the canary with the same chance, by where they were."""

    chance: float
    canary: int
    control: int

    @property
    def total(self) -> int:
        """Units of both arms."""
        return self.canary + self.control


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that happened to a unit of a rollout."""

    metric: str
    unit: str
    canary: bool
    weight: float
    """The chance with which the router drew units for the canary then, 0 to 1."""


class Tally:
    """What was counted of one rollout."""

    def __init__(
        self,
        seen: Mapping[tuple[str, str], float] | None = None,
        splits: Mapping[str, Iterable[Split]] | None = None,
    ) -> None:
        """`seen`: by metric and unit, the weight at which it was last counted, CANARY if on the canary."""
        self.seen: dict[tuple[str, str], float] = dict(seen or {})
        self._counts = {
            metric: {split.chance: [split.canary, split.control] for split in of_metric}
            for metric, of_metric in (splits or {}).items()
        }

    def count(self, signal: Signal) -> bool:
        """Count a signal; False when it tells nothing: its unit's arm is known from an earlier one."""
        key = (signal.metric, signal.unit)
        before = self.seen.get(key, 0.0)
        if before >= signal.weight:
            return False
        chance = round((signal.weight - before) / (1 - before), 12)
        counts = self._counts.setdefault(signal.metric, {}).setdefault(chance, [0, 0])
        counts[0 if signal.canary else 1] += 1
        self.seen[key] = CANARY if signal.canary else signal.weight
        return True

    def splits(self, metric: str) -> tuple[Split, ...]:
        """What was counted of a metric."""
        return tuple(Split(c, *counts) for c, counts in sorted(self._counts.get(metric, {}).items()))

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of which anything was counted."""
        return tuple(sorted(self._counts))
