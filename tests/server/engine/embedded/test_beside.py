"""How much may be read beside chat: what steps take decides it, here on a made-up processor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.engine.embedded.beside import PATIENCE, REFRESH, SLOWEST, Beside


def steps(beside: Beside, count: int, seconds: Callable[[int], float], rows: int = 1) -> list[int]:
    """What each of so many steps read, taking `seconds` for so many tokens beside the rows."""
    read = []
    for _ in range(count):
        tokens = beside.allowed(rows)
        beside.note(rows, tokens, seconds(tokens))
        read.append(tokens)
    return read


def doubled_from(most: int) -> Callable[[int], float]:
    return lambda tokens: 1.0 if tokens < most else 2.0


def test_nothing_is_read_until_it_is_known_what_a_step_takes_without() -> None:
    read = steps(Beside(256), 10, doubled_from(99))
    assert read[:3] == [0, 0, 0]
    assert all(read[3:])


@pytest.mark.parametrize("cliff", [2, 3, 7, 40])
def test_a_step_in_a_hundred_at_most_is_longer_than_it_may_be(cliff: int) -> None:
    read = steps(Beside(256), 4000, doubled_from(cliff))
    assert sum(tokens >= cliff for tokens in read) < 40
    assert sum(read) > 4000 * cliff / 4, "and most of what is free is used"


def test_what_costs_nothing_is_read_as_fast_as_it_goes() -> None:
    assert max(steps(Beside(256), 40, doubled_from(999))) == 256


def test_at_least_one_token_is_read_however_long_it_takes() -> None:
    read = steps(Beside(256), 1000, lambda tokens: 1.0 if not tokens else 10.0)
    assert set(read[20:]) == {0, 1}
    assert sum(read[20:]) > 900


def test_what_a_step_takes_without_is_measured_again_as_answers_grow() -> None:
    beside = Beside(256)
    steps(beside, 200, doubled_from(9))
    slower = steps(beside, 20 * REFRESH, lambda tokens: 2 * doubled_from(9)(tokens))
    assert max(slower[-REFRESH:]) >= 4, "every step takes twice as long now, not only those that read"


def test_each_number_of_answers_has_its_own_allowance() -> None:
    beside = Beside(256)
    steps(beside, 200, doubled_from(2), rows=1)
    steps(beside, 200, doubled_from(100), rows=8)
    assert beside.allowed(1) <= 2 < beside.allowed(8)


def test_noise_does_not_end_reading() -> None:
    beside, calls = Beside(256), iter(range(10**6))
    read = steps(beside, 20 * PATIENCE, lambda tokens: SLOWEST * 2 if next(calls) % 50 == 0 else 1.0)
    assert sum(read) > len(read) / 2
