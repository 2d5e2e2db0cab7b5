"""The recent time between tokens, as the learner and an operator are told it."""

from __future__ import annotations

from server.engine.pace import LEAST, WINDOW_SECONDS, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_one_slow_token_in_two_hundred_is_no_99th_percentile_and_four_are() -> None:
    pace = Pace(Clock())
    for n in range(200):
        pace.note(0.5 if n == 100 else 0.01)
    assert pace.p99() == 0.01
    for _ in range(3):
        pace.note(0.5)
    assert pace.p99() == 0.5


def test_of_a_few_tokens_nothing_is_concluded() -> None:
    pace = Pace(Clock())
    for _ in range(LEAST - 1):
        pace.note(1.0)
    assert pace.p99() == 0.0
    pace.note(1.0)
    assert pace.p99() == 1.0


def test_what_was_slow_a_while_ago_is_forgotten() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(LEAST):
        pace.note(1.0)
    clock.now += WINDOW_SECONDS + 1
    assert pace.p99() == 0.0
    for _ in range(LEAST):
        pace.note(0.02)
    assert pace.p99() == 0.02
