"""The guardian waits for chat between its checks, and never gives up its least share of the time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from guardian import Candidate, Guardian, Policy, Source
from server.busy import BusyFile
from server.guardian_process import GuardianProcess
from server.guardian_process.way import LEAST_SHARE, LONGEST_SECONDS, QUIET_SECONDS, Way

LIMIT_SECONDS = 30.0


class Chat:
    """Time that passes only where somebody works or sleeps, and a server that says what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0
        self.requests = 0
        self.busy = BusyFile(folder / "busy")

    def clock(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds
        self.busy.write(self.requests)


@pytest.fixture
def chat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chat:
    chat = Chat(tmp_path)
    monkeypatch.setattr(time, "monotonic", chat.clock)
    return chat


@pytest.fixture
def way(chat: Chat) -> Way:
    return Way(chat.busy, LIMIT_SECONDS, chat.clock, chat.passes)


def paused(way: Way, chat: Chat, worked_seconds: float) -> float:
    chat.passes(worked_seconds)
    began = chat.now
    way()
    return chat.now - began


def test_where_no_chat_runs_nothing_waits(way: Way, chat: Chat) -> None:
    way.begin()
    assert paused(way, chat, 0.02) == 0.0


def test_while_chat_runs_the_guardian_works_its_least_share_of_the_time(way: Way, chat: Chat) -> None:
    chat.requests = 1
    way.begin()
    worked = waited = 0.0
    for seconds in (0.001, 0.01, 0.005, 0.015) * 10:
        worked, waited = worked + seconds, waited + paused(way, chat, seconds)
    assert worked / (worked + waited) == pytest.approx(LEAST_SHARE, rel=0.1)


def test_time_between_two_examples_and_long_calls_to_a_judge_are_no_work(way: Way, chat: Chat) -> None:
    chat.requests = 1
    chat.passes(3600)
    way.begin()
    assert paused(way, chat, 0.0) == 0.0
    assert paused(way, chat, 20.0) == pytest.approx(LONGEST_SECONDS, abs=0.01)


def test_pauses_leave_an_example_half_of_its_time(way: Way, chat: Chat) -> None:
    chat.requests = 1
    for _ in range(2):
        way.begin()
        pauses = sum(paused(way, chat, 0.1) for _ in range(100))
        assert pauses == pytest.approx(LIMIT_SECONDS / 2, abs=0.1)


def test_the_pause_ends_soon_after_the_last_request(way: Way, chat: Chat) -> None:
    chat.requests = 1
    way.begin()
    chat.passes(0.02)
    chat.requests = 0
    assert paused(way, chat, 0.0) == pytest.approx(QUIET_SECONDS, abs=0.01)


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
