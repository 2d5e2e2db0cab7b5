"""The gate's arithmetic, held to the figures from which its sizes were first chosen."""

import pytest

from server.learner.gate.power import allowance, joint_power, power, refuses


@pytest.mark.parametrize(
    ("asked", "allowed", "at_1", "at_5", "at_10"),
    [(128, 4, 0.01, 0.77, 0.997), (64, 2, 0.03, 0.63, 0.96)],
)
def test_locality_probes_see_what_they_were_said_to_see(
    asked: int, allowed: int, at_1: float, at_5: float, at_10: float
) -> None:
    found = power(asked, allowed)
    assert found.breaks_1_percent == pytest.approx(at_1, abs=0.005)
    assert found.breaks_5_percent == pytest.approx(at_5, abs=0.006)
    assert found.breaks_10_percent == pytest.approx(at_10, abs=0.005)


@pytest.mark.parametrize(("recall", "passes"), [(0.9, 0.97), (0.3, 0.22), (0.1, 0.03)])
def test_two_of_three_wordings_tell_a_fact_from_a_chance_hit(recall: float, passes: float) -> None:
    assert 1 - refuses(3, 1, 1 - recall) == pytest.approx(passes, abs=0.005)


def test_none_of_150_is_needed_to_claim_two_percent() -> None:
    assert refuses(150, 0, 0.02) >= 0.95
    assert refuses(140, 0, 0.02) < 0.95


def test_the_allowance_keeps_to_its_risk_and_no_smaller_one_does() -> None:
    for asked in (1, 3, 8, 24, 128, 400):
        allowed = allowance(asked, 0.01, 0.05)
        assert refuses(asked, allowed, 0.01) <= 0.05
        assert allowed == 0 or refuses(asked, allowed - 1, 0.01) > 0.05
    assert allowance(0, 0.01, 0.05) == 0


def test_several_checks_together_see_more_than_each_and_one_alone_sees_the_same() -> None:
    assert joint_power([(128, 4)], 4) == power(128, 4)
    assert joint_power([(128, 4)], 128) == power(128, 4)
    together = joint_power([(128, 4), (64, 2)], 5)
    assert together.breaks_5_percent > max(power(128, 4).breaks_5_percent, power(192, 5).breaks_5_percent)


def test_what_stands_apart_refuses_by_itself_and_never_by_the_sum() -> None:
    assert joint_power([(128, 4)], 4, [(27, 2)]).breaks_5_percent > power(128, 4).breaks_5_percent
    assert joint_power([(128, 4)], 4, [(27, 27)]) == power(128, 4)
