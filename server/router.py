"""Which version answers this user. Pure: the same user, refs and rollout always give the same choice.

Sticky without a table or a cookie: a user's bucket is a salted hash, the canary takes the buckets below its
weight. Every rollout brings a salt of its own, so no user is everybody's guinea pig; inside one rollout the
weight only rises, so nobody is moved back and forth (docs/decisions.md). With a coin, the slice is of users
still, and each conversation of a slice's user is drawn anew: those on stable are the control.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from server.types import BASE_VERSION, Arm, Refs, Rollout

BUCKETS = 10_000


@dataclass(frozen=True, slots=True)
class Choice:
    """The version that answers a request from first token to last, and why."""

    version: str
    arm: Arm
    rollout: str | None = None
    chance: float = 0.0
    """With which the unit was drawn for the canary, whichever arm it got; 0: it was not drawn."""


class UnknownVersion(Exception):
    """No such version. Ask GET /v1/models for the names that can be served."""


def bucket(salt: str, unit: str) -> int:
    """The unit's place in a rollout, 0 to 9,999: uniform over units, drawn anew for every salt."""
    return int.from_bytes(sha256(f"{salt}:{unit}".encode()).digest()[:8], "big") % BUCKETS


def choose(
    user: str, refs: Refs, rollout: Rollout | None, conversation: str = "", known: bool = True
) -> Choice:
    """The routed choice: the canary for users whose bucket lies below the weight, else stable.

    A coin is for the steps only: in the bake everybody meets the canary. Who is not `known` from
    others cannot be drawn: stable, until the canary is everybody's.
    """
    if rollout is None or refs.canary is None or refs.canary != rollout.version:
        return Choice(refs.stable, Arm.STABLE, rollout.id if rollout is not None and known else None)
    shown = rollout.weight if rollout.state in ("canary", "bake") else 0.0
    tossed = rollout.coin if rollout.state == "canary" else 0.0
    if shown >= 1 and not (known and tossed):
        return Choice(refs.canary, Arm.CANARY, rollout.id, 1.0 if known else 0.0)
    if not known:
        return Choice(refs.stable, Arm.STABLE)
    drawn = bucket(rollout.salt, user) < round(shown * BUCKETS)
    chance = shown
    if tossed:
        chance = tossed if drawn else 0.0
        drawn = drawn and bucket(rollout.salt, f"{user}:{conversation}") < round(tossed * BUCKETS)
    if drawn:
        return Choice(refs.canary, Arm.CANARY, rollout.id, chance)
    return Choice(refs.stable, Arm.STABLE, rollout.id, chance)


def pinned(suffix: str, refs: Refs, known: frozenset[str]) -> Choice:
    """The choice of a caller who named a version (`stable`, `canary`, `base`, `v12`): never in a rollout."""
    named = {"stable": refs.stable, "canary": refs.canary, "base": BASE_VERSION}.get(suffix, suffix)
    if named is None:
        raise UnknownVersion("No canary is being served now; ask for @stable or wait for the next update.")
    if named != BASE_VERSION and named not in known:
        raise UnknownVersion(f"Version {suffix!r} does not exist; GET /v1/models lists those that do.")
    return Choice(named, Arm.PINNED)
