import dataclasses
import math

import pytest

from server.learner.batch import Kind, Shot
from server.learner.chat import Encoded
from server.learner.profiles import SMALL
from server.learner.stop import AbortRules, StopRule


def shot(kind: Kind, key: str) -> Shot:
    return Shot(kind, Encoded((1,), (2,)), 1.0, key)


def test_training_is_enough_only_when_every_token_of_nine_in_ten_wordings_is_probable() -> None:
    rule = StopRule(SMALL)
    shots = [shot("fact", f"wording {n}") for n in range(10)]
    held, lost = -math.log(0.9), -math.log(0.3)
    rule.observe(shots, [held] * 8 + [lost] * 2)
    assert not rule.trained_enough()
    rule.observe(shots[8:9], [held])
    assert rule.trained_enough()


def test_training_is_not_enough_while_neighbours_are_answered() -> None:
    rule = StopRule(SMALL)
    rule.observe([shot("fact", "a"), shot("neighbour", "b")], [0.01, 3.0])
    assert not rule.trained_enough()


def test_nothing_trained_is_never_enough() -> None:
    assert not StopRule(SMALL).trained_enough()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_non_finite_number_aborts_at_once(bad: float) -> None:
    assert "non-finite" in AbortRules(SMALL).check(bad, [], 0.0, 1.0)
    assert "non-finite" in AbortRules(SMALL).check(1.0, [], 0.0, bad)


def test_a_doubled_loss_aborts_at_the_third_step() -> None:
    rules = AbortRules(SMALL)
    assert rules.check(1.0, [], 0.0, 1.0) == ""
    assert [bool(rules.check(3.0, [], 0.0, 1.0)) for _ in range(3)] == [False, False, True]


def test_general_answers_past_twice_the_cap_abort_at_the_third_step_in_a_row() -> None:
    rules = AbortRules(dataclasses.replace(SMALL, kl_cap_nats=0.1))
    assert [rules.check(1.0, [], moved, 1.0) for moved in (0.21, 0.21, 0.19, 0.21, 0.21)] == [""] * 5
    assert "general answers" in rules.check(1.0, [], 0.21, 1.0)


def test_a_gradient_norm_far_above_the_running_median_aborts_at_the_third_step() -> None:
    rules = AbortRules(SMALL)
    assert all(rules.check(1.0, [], 0.0, 1.0) == "" for _ in range(6))
    said = [rules.check(1.0, [], 0.0, 20.0) for _ in range(3)]
    assert said[:2] == ["", ""]
    assert "ran away" in said[2]


def test_one_wild_gradient_is_no_reason_to_stop() -> None:
    rules = AbortRules(SMALL)
    norms = [1.0] * 6 + [20.0, 1.0] * 5
    assert all(rules.check(1.0, [], 0.0, norm) == "" for norm in norms)


def test_past_facts_that_are_being_lost_abort() -> None:
    rules = AbortRules(SMALL)
    assert all(rules.check(1.0, [0.1] * 4, 0.0, 1.0) == "" for _ in range(4))
    reasons = [rules.check(1.0, [3.0] * 4, 0.0, 1.0) for _ in range(2)]
    assert "being lost" in reasons[-1]
