"""What a count can tell: exact binomial arithmetic behind the gate's allowances and their error rates.

A check asks n questions that the incumbent answers well and refuses a candidate that loses more than
`allowed`. If a candidate breaks a share p of all such questions, the losses are Binomial(n, p).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np

from server.learner.types import Power


def refuses(asked: int, allowed: int, breaks: float) -> float:
    """Probability to refuse what breaks this share: P(X > allowed), X ~ Binomial(asked, breaks)."""
    return max(0.0, 1.0 - float(_pmf(asked, breaks)[: allowed + 1].sum()))


def allowance(asked: int, tolerated: float, risk: float) -> int:
    """The fewest losses to allow, that a candidate which breaks `tolerated` be refused at most at `risk`."""
    return next(c for c in range(asked + 1) if refuses(asked, c, tolerated) <= risk)


def power(asked: int, allowed: int) -> Power:
    """One check's probabilities to refuse candidates that break 1, 5 and 10 % of what it asks for."""
    return Power(*(round(refuses(asked, allowed, p), 4) for p in (0.01, 0.05, 0.10)))


def joint_power(
    checks: Sequence[tuple[int, int]], allowed_in_all: int, apart: Sequence[tuple[int, int]] = ()
) -> Power:
    """The same for several checks (asked, allowed) and one on the sum of their losses: all must hold, and so
    must those `apart`, which the sum leaves out."""
    return Power(*(round(_any_refuses(checks, allowed_in_all, apart, p), 4) for p in (0.01, 0.05, 0.10)))


def _any_refuses(
    checks: Sequence[tuple[int, int]], allowed_in_all: int, apart: Sequence[tuple[int, int]], breaks: float
) -> float:
    """The losses that every single check lets pass, convolved: what is left of the sum's distribution."""
    passing = np.ones(1)
    for asked, allowed in checks:
        passing = np.convolve(passing, _pmf(asked, breaks)[: allowed + 1])
    passes = float(passing[: allowed_in_all + 1].sum())
    for asked, allowed in apart:
        passes *= 1.0 - refuses(asked, allowed, breaks)
    return max(0.0, 1.0 - passes)


def _pmf(n: int, p: float) -> np.ndarray:
    return np.array([comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)])
