"""Tests that may be looked at after every turn: seldom wrong however often, and strong against harm."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.ledger.tally import Signal, Split, Tally
from server.rollout import anytime
from server.rollout.anytime import Pairs

ALPHA = 0.05
CHANCES = st.floats(0.01, 0.99)


def ever(runs: int, chance: float, share: float, units: int) -> float:
    """In how many runs the harm test passes 1/alpha at any of `units` looks."""
    rng = np.random.default_rng(7)
    passed = 0
    for arms in rng.random((runs, units)) < share:
        x = np.cumsum(arms)
        looks = range(units)
        passed += any(anytime.harm([Split(chance, int(x[n]), n + 1 - int(x[n]))]) >= 1 / ALPHA for n in looks)
    return passed / runs


@given(CHANCES, st.integers(0, 60), st.integers(0, 60))
def test_a_bet_on_harm_has_a_mean_of_at_most_what_it_was_when_there_is_none(
    chance: float, canary: int, control: int
) -> None:
    now = anytime.harm([Split(chance, canary, control)])
    up = anytime.harm([Split(chance, canary + 1, control)])
    down = anytime.harm([Split(chance, canary, control + 1)])
    assert chance * up + (1 - chance) * down == pytest.approx(now, rel=1e-9)
    assert down < now < up


@given(st.floats(-0.9, 0.9), st.floats(0, 0.3), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_a_bet_on_better_answers_never_gains_when_they_are_as_good_as_claimed(
    mean: float, spread: float, worse: int, same: int, better: int
) -> None:
    up = min((1 + mean) / 2, max(0.0, mean) + spread)
    down = up - mean
    odds = (down, 1 - up - down, up)
    now = anytime.surely_above(Pairs(worse, same, better), mean)
    after = [
        anytime.surely_above(Pairs(worse + 1, same, better), mean),
        anytime.surely_above(Pairs(worse, same + 1, better), mean),
        anytime.surely_above(Pairs(worse, same, better + 1), mean),
    ]
    assert sum(p * e for p, e in zip(odds, after, strict=True)) <= now * (1 + 1e-9)


def test_a_harmless_canary_is_seldom_blamed_though_it_is_looked_at_after_every_unit() -> None:
    assert ever(400, 0.2, 0.2, 150) <= ALPHA
    assert ever(400, 0.5, 0.5, 150) <= ALPHA


def test_three_times_the_harm_is_found_within_some_hundred_units() -> None:
    of_canary = 0.2 * 3 / (0.2 * 3 + 0.8)
    assert ever(200, 0.2, of_canary, 120) > 0.9


@pytest.mark.parametrize(
    ("share", "control", "canary"),
    [
        (0.05, 0, 3),
        (0.05, 5, 4),
        (0.1, 0, 4),
        (0.1, 5, 5),
        (0.2, 0, 5),
        (0.2, 5, 8),
        (0.5, 0, 10),
        (0.5, 5, 19),
    ],
)
def test_it_takes_about_as_many_bad_units_as_the_mixture_over_all_shares(
    share: float, control: int, canary: int
) -> None:
    found = next(n for n in range(1, 99) if anytime.harm([Split(share, n, control)]) >= 20)
    assert abs(found - canary) <= 1 + canary // 5


def test_units_of_several_chances_are_weighed_by_their_own() -> None:
    alone = anytime.harm([Split(0.05, 3, 4)], [3.0]) * anytime.harm([Split(0.5, 9, 2)], [3.0])
    assert anytime.harm([Split(0.05, 3, 4), Split(0.5, 9, 2)], [3.0]) == pytest.approx(alone)


def test_a_chance_of_one_tells_nothing() -> None:
    assert anytime.harm([Split(1.0, 500, 0)]) == pytest.approx(1.0)


def test_nothing_counted_is_an_e_value_of_one_and_an_interval_that_is_open() -> None:
    assert anytime.harm([]) == anytime.sign(Pairs()) == anytime.surely_above(Pairs(), 0.3) == 1.0
    assert anytime.interval(Pairs(), ALPHA) == pytest.approx((-1, 1), abs=1e-6)


def test_equal_answers_show_within_a_hundred_pairs_that_the_canary_is_no_worse() -> None:
    assert anytime.surely_above(Pairs(same=60), -0.05) < 20 <= anytime.surely_above(Pairs(same=110), -0.05)


def test_the_interval_holds_the_truth_in_all_but_few_runs_at_every_look() -> None:
    rng = np.random.default_rng(3)
    missed = 0
    for drawn in rng.choice(3, size=(150, 300), p=(0.2, 0.7, 0.1)):
        worse, better = np.cumsum(drawn == 0), np.cumsum(drawn == 2)
        pairs = [
            Pairs(int(w), n + 1 - int(w + b), int(b))
            for n, (w, b) in enumerate(zip(worse, better, strict=True))
        ]
        missed += any(
            anytime.surely_above(p, -0.1) >= 1 / ALPHA or anytime.surely_below(p, -0.1) >= 1 / ALPHA
            for p in pairs
        )
    assert missed / 150 <= 2 * ALPHA


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
@settings(max_examples=40)
def test_the_bounds_are_where_the_bets_begin_to_win(worse: int, same: int, better: int) -> None:
    pairs = Pairs(worse, same, better)
    low, high = anytime.interval(pairs, ALPHA)
    assert low <= pairs.mean <= high
    if low > -0.999:
        assert anytime.surely_above(pairs, low) == pytest.approx(20, rel=1e-3)


def test_a_broken_split_shows_both_ways_and_a_sound_one_does_not() -> None:
    assert anytime.skewed([Split(0.2, 120, 280)]) > 1000
    assert anytime.skewed([Split(0.2, 40, 360)]) > 1000
    assert anytime.skewed([Split(0.2, 80, 320)]) < 1


def test_what_no_float_can_hold_is_infinite_and_no_error() -> None:
    assert anytime.harm([Split(0.05, 5000, 10)]) == math.inf


def test_a_unit_counts_once_and_again_only_after_a_rise_with_the_chance_it_then_had() -> None:
    tally = Tally()
    assert tally.count(Signal("failed", "ana", False, 0.05))
    assert not tally.count(Signal("failed", "ana", False, 0.05)), "a second bad turn of hers"
    assert tally.count(Signal("failed", "ana", False, 0.2))
    assert tally.count(Signal("failed", "ben", True, 0.2))
    assert not tally.count(Signal("failed", "ben", True, 0.5)), "his arm is known: it tells nothing"
    assert tally.splits("failed") == (
        Split(0.05, 0, 1),
        Split(round(0.15 / 0.95, 12), 0, 1),
        Split(0.2, 1, 0),
    )


def test_a_unit_that_was_not_drawn_is_not_counted() -> None:
    assert not Tally().count(Signal("failed", "ana", False, 0.0))


def test_a_tally_goes_on_from_what_was_stored() -> None:
    first = Tally()
    first.count(Signal("flagged", "ana", True, 0.2))
    again = Tally(first.seen, {"flagged": first.splits("flagged")})
    assert not again.count(Signal("flagged", "ana", True, 0.5))
    assert again.splits("flagged") == first.splits("flagged")


def test_counting_users_across_rising_weights_stays_fair_where_counting_turns_does_not() -> None:
    """Twenty unequal users, no harm: their arms are redrawn in each run, their bad turns are not."""
    rng = np.random.default_rng(11)
    wrong = {"units": 0, "turns": 0}
    runs = 300
    for _ in range(runs):
        buckets, risk = rng.random(20), rng.beta(0.3, 2.7, 20)
        users = rng.choice(20, 600, p=rng.dirichlet(np.ones(20)))
        bad = rng.random(600) < risk[users]
        tally, passed = Tally(), {"units": False, "turns": False}
        turns: dict[float, tuple[int, int]] = {}
        for n, user in enumerate(users):
            weight = (0.05, 0.2, 0.5)[n // 200]
            if not bad[n]:
                continue
            on_canary = bool(buckets[user] < weight)
            tally.count(Signal("bad", str(user), on_canary, weight))
            x, m = turns.get(weight, (0, 0))
            turns[weight] = (x + on_canary, m + (not on_canary))
            passed["units"] |= anytime.harm(tally.splits("bad")) >= 20
            passed["turns"] |= anytime.harm([Split(w, *counts) for w, counts in turns.items()]) >= 20
        for name, one in passed.items():
            wrong[name] += one
    assert wrong["units"] / runs <= ALPHA
    assert wrong["turns"] / runs > 2 * ALPHA
