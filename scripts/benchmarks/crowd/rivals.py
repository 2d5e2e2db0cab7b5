"""The rules that are usually built: a z-test on turns of users who were hashed into arms.

Both show the canary to a fifth of the users until a horizon of turns, then to everybody. One looks after
every turn from the thirtieth canary answer on, one only at the horizon.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scripts.benchmarks.crowd.drive import Outcome
from scripts.benchmarks.crowd.people import People
from server.router import BUCKETS, bucket

WEIGHT = 0.2
HORIZON = 2000
FEWEST = 30
Z = 1.645
"""One-sided 5 %."""


def z_test(people: People, salt: str, peeking: bool) -> Outcome:
    """One rollout by either rule."""
    hours = 1.5 * HORIZON / (people.crowd.users * people.crowd.turns_per_hour)
    turns = people.turns(0.0, hours)
    user, at = turns.user[:HORIZON], turns.at[:HORIZON]
    users = np.unique(user)
    on_canary = np.zeros(people.crowd.users, dtype=np.bool_)
    on_canary[users] = [bucket(salt, str(one)) < round(WEIGHT * BUCKETS) for one in users]
    arms = on_canary[user]
    bad = turns.luck[:HORIZON] < np.where(arms, people.risk_on_canary[user], people.risk[user])
    above = _z(arms, bad) > Z
    above[np.cumsum(arms) < FEWEST] = False
    looked = np.flatnonzero(above) if peeking else np.flatnonzero(above[-1:]) + len(above) - 1
    end = int(looked[0]) if len(looked) else len(user) - 1
    exposed = len(np.unique(user[: end + 1][arms[: end + 1]])) / people.crowd.users
    action = "rollback" if len(looked) else "promote"
    return Outcome(action, "z-test", float(at[end]), exposed, WEIGHT)


def _z(arms: NDArray[np.bool_], bad: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The pooled two-proportion z after each turn, positive when the canary is worse."""
    n1, n0 = np.cumsum(arms), np.cumsum(~arms)
    x1, x0 = np.cumsum(arms & bad), np.cumsum(~arms & bad)
    with np.errstate(divide="ignore", invalid="ignore"):
        pooled = (x1 + x0) / (n1 + n0)
        found = (x1 / n1 - x0 / n0) / np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
    return np.nan_to_num(found, nan=0.0, posinf=0.0, neginf=0.0)
