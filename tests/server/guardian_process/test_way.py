"""The guardian waits for chat between its checks, and never gives up its least share of the time."""

from __future__ import annotations

from pathlib import Path

import pytest

from guardian import Candidate, Guardian, Policy, Source
from server.engine.busy import BusyFile
from server.guardian_process import GuardianProcess
from server.guardian_process.way import LEAST_SHARE, LONGEST_SECONDS, Way


class Clock:
    """Time that passes only where somebody works or sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def busy(tmp_path: Path) -> BusyFile:
    return BusyFile(tmp_path / "busy")


def paused(way: Way, clock: Clock, worked_seconds: float) -> float:
    clock.now += worked_seconds
    began = clock.now
    way()
    return clock.now - began


def test_where_no_chat_runs_nothing_waits(busy: BusyFile) -> None:
    clock = Clock()
    way = Way(busy, clock, clock.sleep)
    way.begin()
    assert paused(way, clock, 0.02) == 0.0


def test_while_chat_runs_the_guardian_works_its_least_share_of_the_time(busy: BusyFile) -> None:
    clock = Clock()
    way = Way(busy, clock, clock.sleep)
    way.begin()
    worked = waited = 0.0
    for seconds in (0.001, 0.02, 0.005, 0.03) * 10:
        busy.write(1)
        worked, waited = worked + seconds, waited + paused(way, clock, seconds)
    assert worked / (worked + waited) == pytest.approx(LEAST_SHARE, rel=0.1)


def test_time_between_two_examples_and_long_calls_to_a_judge_are_no_work(busy: BusyFile) -> None:
    clock = Clock()
    way = Way(busy, clock, clock.sleep)
    clock.now += 3600
    busy.write(1)
    way.begin()
    assert paused(way, clock, 0.0) == 0.0
    busy.write(1)
    assert paused(way, clock, 20.0) == pytest.approx(LONGEST_SECONDS, abs=0.01)


def test_a_chat_that_ends_ends_the_pause(busy: BusyFile) -> None:
    clock = Clock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        busy.write(0)

    way = Way(busy, clock, sleep)
    way.begin()
    busy.write(1)
    assert paused(way, clock, 0.05) < 0.01


def test_every_check_is_preceded_by_the_wait() -> None:
    calls: list[int] = []
    policy = Policy(disabled_checks=frozenset({"toxicity", "bias", "personal_data"}))
    guardian = Guardian(policy, before_check=lambda: calls.append(1))
    text = "The library in Arden opens at 9 am."
    verdict = guardian.judge(Candidate("When does the library in Arden open?", text), Source(text, "ana"))
    assert len(calls) == len(verdict.timings_ms)


def test_a_process_judges_the_same_beside_chat(tmp_path: Path) -> None:
    busy = BusyFile(tmp_path / "busy")
    policy = Policy(disabled_checks=frozenset({"toxicity", "bias", "personal_data"}))
    guardian = GuardianProcess(policy, busy=tmp_path / "busy")
    try:
        busy.write(1)
        text = "The key is AKIAIOSFODNN7EXAMPLQ."
        verdict = guardian.judge(Candidate("What is the key?", text), Source(text, "ana"))
        assert verdict.decision.name == "BLOCK"
    finally:
        guardian.stop()
