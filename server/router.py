"""Which version answers this user. Pure: the same user, refs and rollout always give the same choice.

Sticky without a table or a cookie: a user's bucket is a salted hash, the canary takes the buckets below its
weight. Every rollout brings a salt of its own, so no user is everybody's guinea pig; inside one rollout the
weight only rises, so nobody is moved back and forth (docs/decisions.md).
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


class UnknownVersion(Exception):
    """No such version. Ask GET /v1/models for the names that can be served."""


def bucket(salt: str, user: str) -> int:
    """The user's place in a rollout, 0 to 9,999: uniform over users, drawn anew for every salt."""
    return int.from_bytes(sha256(f"{salt}:{user}".encode()).digest()[:8], "big") % BUCKETS


def choose(user: str, refs: Refs, rollout: Rollout | None) -> Choice:
    """The routed choice: the canary for users whose bucket lies below the weight, else stable."""
    if (
        rollout is not None
        and refs.canary is not None
        and refs.canary == rollout.version
        and rollout.state == "canary"
        and bucket(rollout.salt, user) < round(rollout.weight * BUCKETS)
    ):
        return Choice(refs.canary, Arm.CANARY, rollout.id)
    return Choice(refs.stable, Arm.STABLE, rollout.id if rollout is not None else None)


def pinned(suffix: str, refs: Refs, known: frozenset[str]) -> Choice:
    """The choice of a caller who named a version (`stable`, `canary`, `base`, `v12`): never in a rollout."""
    named = {"stable": refs.stable, "canary": refs.canary, "base": BASE_VERSION}.get(suffix, suffix)
    if named is None:
        raise UnknownVersion("No canary is being served now; ask for @stable or wait for the next update.")
    if named != BASE_VERSION and named not in known:
        raise UnknownVersion(f"Version {suffix!r} does not exist; GET /v1/models lists those that do.")
    return Choice(named, Arm.PINNED)
