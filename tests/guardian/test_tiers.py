from __future__ import annotations

import pytest

from guardian import Policy, Tier
from guardian.tiers import tier_of

DAY = 86_400.0
POLICY = Policy(experts=frozenset({"eve"}))


@pytest.mark.parametrize(
    ("user", "operator", "first_met_at", "turns", "tier"),
    [
        ("ada", True, None, 0, Tier.OPERATOR),
        ("", True, None, 0, Tier.OPERATOR),
        ("", False, 0.0, 99, Tier.ANONYMOUS),
        ("anonymous", False, 0.0, 99, Tier.ANONYMOUS),
        ("eve", False, None, 0, Tier.EXPERT),
        ("ada", False, None, 0, Tier.NEW),
        ("ada", False, 8 * DAY, 99, Tier.NEW),
        ("ada", False, 7 * DAY, 4, Tier.NEW),
        ("ada", False, 7 * DAY, 5, Tier.ESTABLISHED),
    ],
)
def test_a_speaker_is_trusted_by_key_name_and_acquaintance(
    user: str, operator: bool, first_met_at: float | None, turns: int, tier: Tier
) -> None:
    found = tier_of(POLICY, user, operator=operator, first_met_at=first_met_at, turns=turns, at=10 * DAY)
    assert found is tier


def test_a_policy_may_ask_for_no_acquaintance_at_all_once_somebody_was_met() -> None:
    policy = Policy(established_after_seconds=0, established_after_turns=1)
    assert tier_of(policy, "ada", operator=False, first_met_at=5.0, turns=1, at=5.0) is Tier.ESTABLISHED
    assert tier_of(policy, "ada", operator=False, first_met_at=None, turns=0, at=5.0) is Tier.NEW
