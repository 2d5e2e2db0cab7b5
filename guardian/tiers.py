"""How far a speaker is trusted, from what is known of them."""

from __future__ import annotations

from guardian.types import Policy, Tier


def tier_of(
    policy: Policy, user: str, *, operator: bool, first_met_at: float | None, turns: int, at: float
) -> Tier:
    """The tier of `user` at a moment. Times are seconds since the epoch.

    `operator`: they spoke with an operator's key, or to a server without keys. `first_met_at` is when their
    first turn was (None: never before), `turns` how many they have had up to `at`. The greater word wins: an
    operator who gives no name is an operator.
    Not covered: one person with many names, and a name that its application does not check.
    """
    if operator:
        return Tier.OPERATOR
    if user in policy.anonymous:
        return Tier.ANONYMOUS
    if user in policy.experts:
        return Tier.EXPERT
    known_for = at - first_met_at if first_met_at is not None else -1.0
    long_enough = known_for >= policy.established_after_seconds
    return Tier.ESTABLISHED if long_enough and turns >= policy.established_after_turns else Tier.NEW
