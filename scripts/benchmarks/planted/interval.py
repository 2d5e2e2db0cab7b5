"""An exact interval for a share."""

from __future__ import annotations

from collections.abc import Callable

from server.learner.gate.power import refuses


def clopper_pearson(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Bounds of the share behind `hits` of `of`: never covers it less often than `confidence` says.

    Clopper and Pearson 1934: the shares at which so many hits or more, or so few or fewer, become improbable.
    """
    tail = (1 - confidence) / 2
    low = _root(lambda p: refuses(of, hits - 1, p) - tail) if hits else 0.0
    high = _root(lambda p: refuses(of, hits, p) - (1 - tail)) if hits < of else 1.0
    return low, high


def _root(rising: Callable[[float], float]) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2
