"""The router: pure, sticky, and drawn anew for each rollout."""

import dataclasses

import pytest

from server.router import UnknownVersion, bucket, choose, pinned
from server.types import Arm, Refs, Rollout

REFS = Refs(stable="v3", canary="v4")
ROLLOUT = Rollout(id="r1", version="v4", salt="salt-1", weight=0.2, state="canary", started_at=0.0)
USERS = [f"user-{n}" for n in range(10_000)]


def on_canary(rollout: Rollout) -> set[str]:
    return {user for user in USERS if choose(user, REFS, rollout).arm is Arm.CANARY}


def test_the_canary_meets_the_share_of_users_that_its_weight_says() -> None:
    assert abs(len(on_canary(ROLLOUT)) / len(USERS) - 0.2) < 0.01


def test_a_user_keeps_the_same_arm_however_often_they_ask() -> None:
    assert all(choose(user, REFS, ROLLOUT) == choose(user, REFS, ROLLOUT) for user in USERS[:100])


def test_a_rising_weight_only_adds_users() -> None:
    assert on_canary(ROLLOUT) < on_canary(dataclasses.replace(ROLLOUT, weight=0.5))


def test_another_rollout_draws_other_users() -> None:
    first, second = on_canary(ROLLOUT), on_canary(dataclasses.replace(ROLLOUT, salt="salt-2"))
    assert abs(len(first & second) / len(first) - 0.2) < 0.05


def test_a_held_rollout_or_a_missing_ref_sends_everybody_to_stable() -> None:
    held = dataclasses.replace(ROLLOUT, weight=1.0, state="held")
    assert choose("a", REFS, held).version == "v3"
    assert choose("a", Refs(stable="v3"), dataclasses.replace(ROLLOUT, weight=1.0)).version == "v3"
    assert choose("a", REFS, None).version == "v3"


def test_full_weight_is_everybody_and_zero_is_nobody() -> None:
    assert len(on_canary(dataclasses.replace(ROLLOUT, weight=1.0))) == len(USERS)
    assert not on_canary(dataclasses.replace(ROLLOUT, weight=0.0))


def test_buckets_cover_the_range_evenly() -> None:
    buckets = sorted(bucket("s", user) for user in USERS)
    assert buckets[0] < 50
    assert buckets[-1] > 9_950


def test_nobody_meets_a_canary_in_shadow_and_everybody_does_in_the_bake() -> None:
    assert not on_canary(dataclasses.replace(ROLLOUT, state="shadow"))
    assert len(on_canary(dataclasses.replace(ROLLOUT, state="bake", weight=1.0, coin=0.5))) == len(USERS)


def test_users_who_cannot_be_told_apart_meet_it_only_when_everybody_does_and_are_never_counted() -> None:
    for n in range(50):
        choice = choose(
            "anonymous", REFS, dataclasses.replace(ROLLOUT, salt=f"s{n}", weight=0.9), known=False
        )
        assert (choice.version, choice.rollout, choice.chance) == ("v3", None, 0.0)
    everybody = choose("anonymous", REFS, dataclasses.replace(ROLLOUT, weight=1.0), known=False)
    assert (everybody.version, everybody.chance) == ("v4", 0.0)


def test_both_arms_say_with_which_chance_they_were_drawn() -> None:
    assert {choose(user, REFS, ROLLOUT).chance for user in USERS[:100]} == {0.2}


def test_a_coin_splits_the_conversations_of_the_slice_and_of_nobody_else() -> None:
    tossed = dataclasses.replace(ROLLOUT, coin=0.5)
    sliced, drawn = on_canary(ROLLOUT), 0
    for user in USERS[:2_000]:
        choices = [choose(user, REFS, tossed, f"c{n}") for n in range(10)]
        assert {choice.chance for choice in choices} == {0.5 if user in sliced else 0.0}
        drawn += sum(choice.arm is Arm.CANARY for choice in choices)
        if user not in sliced:
            assert all(choice.arm is Arm.STABLE for choice in choices)
    assert abs(drawn / (10 * len(sliced & set(USERS[:2_000]))) - 0.5) < 0.03


def test_a_conversation_stays_on_the_arm_that_its_coin_fell_on() -> None:
    tossed = dataclasses.replace(ROLLOUT, coin=0.5, weight=0.9)
    assert all(choose(u, REFS, tossed, "c") == choose(u, REFS, tossed, "c") for u in USERS[:100])


@pytest.mark.parametrize(
    ("suffix", "version"), [("stable", "v3"), ("canary", "v4"), ("base", "v0"), ("v2", "v2"), ("v0", "v0")]
)
def test_a_named_version_is_pinned_and_never_counted(suffix: str, version: str) -> None:
    choice = pinned(suffix, REFS, frozenset({"v2", "v3", "v4"}))
    assert (choice.version, choice.arm, choice.rollout) == (version, Arm.PINNED, None)


def test_an_unknown_version_or_an_absent_canary_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(UnknownVersion, match="GET /v1/models"):
        pinned("v9", REFS, frozenset())
    with pytest.raises(UnknownVersion, match="No canary"):
        pinned("canary", Refs(), frozenset())
