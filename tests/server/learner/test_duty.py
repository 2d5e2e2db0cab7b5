"""How the learner makes way: a machine in which chat's latency follows from how much the learner works.

Time is counted, not waited for: `World` is clock, sleep and chat in one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from server.busy import BusyFile
from server.learner.duty import PAUSE_SECONDS, Duty


class World:
    """Chat takes `alone` seconds a token, and `beside` while the learner works."""

    def __init__(self, home: Path, alone: float = 0.02, beside: float = 0.02, streams: int = 4) -> None:
        self.busy = BusyFile(home / "busy")
        self.now, self.alone, self.beside, self.streams = 0.0, alone, beside, streams
        self.work: list[tuple[float, float]] = []
        self.settled = 0
        self.leaves_at = float("inf")

    def tell(self) -> None:
        """What a server publishes: over ten seconds, were more than 1 % of the tokens slow?"""
        worked = sum(end - max(begin, self.now - 10) for begin, end in self.work if end > self.now - 10)
        self.busy.write(
            self.streams * (self.now < self.leaves_at), self.beside if worked > 0.1 else self.alone
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.tell()

    def micro_step(self, seconds: float = 1.0) -> None:
        self.work.append((self.now, self.now + seconds))
        self.now += seconds
        self.tell()

    def duty(self, budget_seconds: float = 0.0, least_share: float = 0.05) -> Duty:
        def settle() -> None:
            self.settled += 1

        return Duty(self.busy, budget_seconds, least_share, settle, lambda: self.now, self.sleep)

    def share(self, duty: Duty, steps: int) -> float:
        """Run so many micro-steps and say which share of the time they had."""
        begin = self.now
        for _ in range(steps):
            self.micro_step()
            duty()
        return steps / (self.now - begin)


def test_without_a_budget_a_micro_step_waits_half_a_second_while_chat_runs(tmp_path: Path) -> None:
    world = World(tmp_path, beside=9.0)
    assert world.share(world.duty(), 20) == pytest.approx(1 / (1 + PAUSE_SECONDS), rel=0.02)


@pytest.mark.parametrize("budget_seconds", [0.0, 0.05])
def test_nobody_is_waited_for_when_nobody_asks(tmp_path: Path, budget_seconds: float) -> None:
    world = World(tmp_path, beside=9.0, streams=0)
    assert world.share(world.duty(budget_seconds), 20) == 1.0


def test_where_the_budget_holds_anyway_learning_does_not_pause(tmp_path: Path) -> None:
    world = World(tmp_path, alone=0.02, beside=0.03)
    duty = world.duty(budget_seconds=0.05)
    world.share(duty, 10)
    assert world.share(duty, 20) == 1.0


def test_over_the_budget_learning_gets_slower_down_to_its_least_share(tmp_path: Path) -> None:
    world = World(tmp_path, alone=0.02, beside=0.2)
    duty = world.duty(budget_seconds=0.05, least_share=0.1)
    world.share(duty, 10)
    assert world.share(duty, 10) == pytest.approx(0.1, rel=0.05)


def test_learning_comes_back_when_chat_is_fast_again(tmp_path: Path) -> None:
    world = World(tmp_path, alone=0.02, beside=0.2)
    duty = world.duty(budget_seconds=0.05)
    world.share(duty, 12)
    world.beside = 0.03
    world.share(duty, 15)
    assert world.share(duty, 10) == 1.0


def test_a_pause_ends_with_the_last_request(tmp_path: Path) -> None:
    world = World(tmp_path, alone=0.02, beside=0.2)
    duty = world.duty(budget_seconds=0.05)
    world.share(duty, 12)
    world.micro_step()
    world.leaves_at = world.now + 1
    duty()
    assert world.now == pytest.approx(world.leaves_at, abs=0.02)


def test_too_few_tokens_to_measure_leave_the_pause_as_it_is(tmp_path: Path) -> None:
    world = World(tmp_path, alone=0.0, beside=0.0)
    duty = world.duty(budget_seconds=0.05)
    world.share(duty, 5)
    assert duty.pause_seconds == PAUSE_SECONDS


def test_work_already_sent_to_the_device_is_waited_for_before_the_pause(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.share(world.duty(), 3)
    assert world.settled == 3
