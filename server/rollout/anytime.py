"""Tests that may be looked at after every turn: e-values for shares, confidence sequences for paired answers.

An e-value is a bet against "the canary does no harm". While that is true its mean stays at most 1, so it
passes 1/alpha with probability alpha at most, however often one looks (Ville 1939). Everything here is a
function of counts: nothing has to be read again, and whoever has the counts can compute it again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from server.ledger.tally import Split

HARM = (1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0)
"""How many times as often a harmful canary's users meet something bad: the bets, equal stakes on each."""
SKEWS = (0.25, 0.5, 0.7, 0.8, 1.25, 1.4, 2.0, 4.0)
"""How many times as often a unit of a broken split is on the canary."""
STAKES = (0.05, 0.1, 0.2, 0.35, 0.6, 0.95)
"""Shares of the largest stake that cannot be lost whole in one pair."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Prompts that both versions answered, by how the canary's answer compares."""

    worse: int = 0
    same: int = 0
    better: int = 0

    @property
    def total(self) -> int:
        """All pairs."""
        return self.worse + self.same + self.better

    @property
    def mean(self) -> float:
        """Share of better less share of worse, -1 to 1; 0 of none."""
        return (self.better - self.worse) / self.total if self.total else 0.0

    def __add__(self, other: Pairs) -> Pairs:
        return Pairs(self.worse + other.worse, self.same + other.same, self.better + other.better)


def harm(splits: Iterable[Split], ratios: Sequence[float] = HARM) -> float:
    """E-value against "a unit that meets something bad is on the canary no more often than it was drawn".

    The share test: of units drawn for the canary with chance f, a harm of r times makes f·r/(f·r + 1 - f) of
    those that meet something bad the canary's. For each r the product of likelihood ratios is a martingale
    under a share of f and a supermartingale under less; the mean over all r is one too. Valid for any order
    of chances as long as each is known before its unit's arm is seen (`server.ledger.tally`).
    """
    canary, logs = 0, [0.0] * len(ratios)
    for split in splits:
        canary, total = canary + split.canary, split.total
        for n, log in enumerate(_logs(split.chance, tuple(ratios))):
            logs[n] -= total * log
    return _mixture(log + canary * math.log(r) for log, r in zip(logs, ratios, strict=True))


def skewed(splits: Iterable[Split]) -> float:
    """E-value against "units are split as the weight says", both ways: the sample-ratio mismatch."""
    return harm(splits, SKEWS)


def sign(pairs: Pairs) -> float:
    """E-value against "the canary's answer is worse no more often than better"; equal pairs tell nothing."""
    return harm([Split(0.5, pairs.worse, pairs.better)])


def surely_above(pairs: Pairs, mean: float) -> float:
    """E-value against "better less worse is `mean` at most", a mean within -1 and 1.

    A gambler's capital who bets on each pair (Waudby-Smith and Ramdas 2024, arXiv:2010.09686, section 4),
    averaged over fixed stakes: exact at any number of pairs and whatever their spread, where the asymptotic
    sequences want some dozens and a spread above none.
    """
    most = 1 / (1 + mean) if mean > -1 else math.inf
    if not math.isfinite(most):
        return 1.0 if not pairs.total else math.inf
    return _mixture(
        pairs.better * math.log1p(c * most * (1 - mean))
        + pairs.same * math.log1p(-c * most * mean)
        + pairs.worse * math.log1p(-c)
        for c in STAKES
    )


def surely_below(pairs: Pairs, mean: float) -> float:
    """E-value against "better less worse is `mean` at least"."""
    return surely_above(Pairs(pairs.better, pairs.same, pairs.worse), -mean)


def interval(pairs: Pairs, alpha: float) -> tuple[float, float]:
    """Confidence sequence of better less worse: each bound is ever wrong with probability `alpha` at most."""
    lower = _edge(lambda mean: surely_above(pairs, mean) >= 1 / alpha)
    upper = -_edge(lambda mean: surely_below(pairs, -mean) >= 1 / alpha)
    return lower, upper


@lru_cache(maxsize=4096)
def _logs(chance: float, ratios: tuple[float, ...]) -> tuple[float, ...]:
    """Kept: a rollout has a handful of chances, and is asked about after every turn."""
    return tuple(math.log(chance * r + 1 - chance) for r in ratios)


def _edge(ruled_out: Callable[[float], bool]) -> float:
    """The largest mean that is still ruled out, found by halving: what is above it is not."""
    low, high = -1.0, 1.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if ruled_out(middle) else (low, middle)
    return low


def _mixture(logs: Iterable[float]) -> float:
    """The mean of numbers given by their logarithms; what no float holds is infinite."""
    found = tuple(logs)
    top = max(found)
    log = top + math.log(sum(math.exp(one - top) for one in found) / len(found))
    return math.exp(log) if log < 700 else math.inf
