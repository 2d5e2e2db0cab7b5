"""The simple rule: harm first, then patience, then evidence."""

import dataclasses

import pytest

from server.rollout.rule import decide
from server.rollout.types import Action, Evidence, RolloutPolicy

POLICY = RolloutPolicy(promote_after_seconds=20, min_canary_turns=3, max_failed_turns=0, max_thumbs_down=1)
GOOD = Evidence(age_seconds=30, canary_turns=5)


def test_a_canary_without_an_incident_is_promoted_after_its_time() -> None:
    assert decide(POLICY, GOOD).action is Action.PROMOTE


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (Evidence(age_seconds=5, canary_turns=5), "15 s of watching left"),
        (Evidence(age_seconds=30, canary_turns=1), "2 more canary answers"),
    ],
)
def test_it_holds_until_it_was_watched_and_used_enough_and_says_what_is_missing(
    evidence: Evidence, words: str
) -> None:
    decision = decide(POLICY, evidence)
    assert decision.action is Action.HOLD
    assert words in decision.reason


@pytest.mark.parametrize("harm", [{"failed_turns": 1}, {"thumbs_down_users": 2}])
def test_harm_withdraws_it_however_old_it_is(harm: dict[str, int]) -> None:
    assert decide(POLICY, dataclasses.replace(GOOD, **harm)).action is Action.ROLLBACK


def test_one_objecting_user_is_not_enough_when_the_policy_allows_one() -> None:
    assert decide(POLICY, dataclasses.replace(GOOD, thumbs_down_users=1)).action is Action.PROMOTE


def test_without_auto_promotion_it_waits_for_an_operator_but_harm_still_withdraws_it() -> None:
    manual = dataclasses.replace(POLICY, auto_promote=False)
    assert decide(manual, GOOD).action is Action.HOLD
    assert decide(manual, dataclasses.replace(GOOD, failed_turns=1)).action is Action.ROLLBACK
