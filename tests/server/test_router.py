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
