"""Synthetic users: how often they write, how often an answer goes badly for them, and what of it is seen.

Activity is lognormal and risk is Beta across users, as uneven as in the measurements that the rule is built
on: a few users write most turns, and few meet most of what is bad. A canary multiplies everybody's risk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KINDS = ("flagged", "thumbs_down", "reasked", "refused")
KIND_SHARES = (0.15, 0.15, 0.5, 0.2)
"""What a bad answer shows as."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """A population."""

    name: str
    users: int
    risk: float = 0.1
    """Mean probability that an answer of stable is bad for a user."""
    concentration: float = 3.0
    """Of the Beta: the smaller, the more uneven."""
    activity_sigma: float = 1.2
    turns_per_hour: float = 1.0
    """A user, on average."""
    new_conversation: float = 0.33
    """Share of turns that begin one."""


CROWDS = (
    Crowd("20 users", 20),
    Crowd("50 users", 50),
    Crowd("200 users", 200),
    Crowd("1,000 users", 1000),
    Crowd("1,000 users, even", 1000, concentration=1000.0, activity_sigma=0.1),
    Crowd("1,000 users, rare harm", 1000, risk=0.02),
    Crowd("10,000 users", 10_000, turns_per_hour=0.3),
)


@dataclass(frozen=True, slots=True)
class Turns:
    """A stretch of traffic. All arrays are as long as there are turns, in order of time."""

    at: NDArray[np.float64]
    """Hours since the rollout began."""
    user: NDArray[np.int64]
    begins: NDArray[np.bool_]
    """Whether it begins a conversation."""
    luck: NDArray[np.float64]
    """Uniform; the answer is bad where it lies below the risk."""
    kind: NDArray[np.int64]
    """What it shows as if it is bad: an index into KINDS."""


class People:
    """One draw of a population, with a stream of turns."""

    def __init__(self, crowd: Crowd, harm: float, rng: np.random.Generator) -> None:
        self.crowd = crowd
        self._rng = rng
        weights = rng.lognormal(0.0, crowd.activity_sigma, crowd.users)
        self.activity = weights / weights.sum()
        a = crowd.risk * crowd.concentration
        self.risk = rng.beta(a, crowd.concentration - a, crowd.users)
        self.risk_on_canary = np.minimum(1.0, self.risk * harm)

    def turns(self, start: float, hours: float) -> Turns:
        """What happens in a stretch of time."""
        n = int(self._rng.poisson(self.crowd.users * self.crowd.turns_per_hour * hours))
        return Turns(
            at=start + np.sort(self._rng.random(n)) * hours,
            user=self._rng.choice(self.crowd.users, n, p=self.activity),
            begins=self._rng.random(n) < self.crowd.new_conversation,
            luck=self._rng.random(n),
            kind=self._rng.choice(len(KINDS), n, p=KIND_SHARES),
        )

    def replayed(self, pairs: int) -> NDArray[np.int64]:
        """Stored turns answered by both versions, each for itself: -1 worse than stable's, 0, or 1 better."""
        user = self._rng.choice(self.crowd.users, pairs, p=self.activity)
        stable = self._rng.random(pairs) < self.risk[user]
        canary = self._rng.random(pairs) < self.risk_on_canary[user]
        return stable.astype(np.int64) - canary.astype(np.int64)
