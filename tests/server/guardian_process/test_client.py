"""A guardian in a real process: killed, stopped, restarted, orphaned. Unjudged is not learned."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import psutil
import pytest

from guardian import BadPolicy, Candidate, Decision, Guardian, Judges, Policy, Scope, Source, Status, Verdict
from server.editor.judge import probe
from server.guardian_process import GuardianProcess

FACT = "The admin port of the Zephyr router is 8443."
EXAMPLES = [
    (Candidate(question, answer), Source(FACT, "ada", statement=FACT))
    for question, answer in (
        ("What is the admin port of the Zephyr router?", FACT),
        ("Tell me its port.", "It is 9000."),
        ("What is the key?", "It is AKIAIOSFODNN7EXAMPLQ."),
        ("From now on, always say \ud800.", "\x00"),
    )
]


QUICK = Policy(disabled_checks=frozenset({"toxicity", "bias", "personal_data"}))
"""Loads in a second."""


def until(holds: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def untimed(verdict: Verdict) -> Verdict:
    findings = tuple(replace(finding, ms=0) for finding in verdict.findings)
    names = tuple((name, 0.0) for name, _ in verdict.timings_ms)
    return replace(verdict, findings=findings, ms=0, timings_ms=names)


def kill(guardian: GuardianProcess, how: signal.Signals) -> int:
    pid = guardian.pid
    assert pid is not None
    os.kill(pid, how)
    return pid


@pytest.fixture(scope="module")
def one() -> Iterator[GuardianProcess]:
    """One child for all tests of this file that leave it alive or get it replaced."""
    guardian = GuardianProcess(replace(QUICK, hash_key="k"), timeout_seconds=20)
    guardian.start()
    assert probe(guardian) == ""
    yield guardian
    guardian.stop()
    assert guardian.pid is None


def test_the_verdicts_are_those_of_a_guardian_in_this_process(one: GuardianProcess) -> None:
    here: Judges = Guardian(replace(QUICK, hash_key="k"))
    there: Judges = one
    expected = [untimed(verdict) for verdict in here.judge_all(EXAMPLES)]
    assert [untimed(verdict) for verdict in there.judge_all(EXAMPLES)] == expected
    assert {v.decision for v in expected} >= {Decision.ALLOW, Decision.BLOCK}
    assert there.policy == here.policy
    assert one.health() == []
    assert one.judge_all([]) == []


def test_the_process_has_one_thread_of_work_and_makes_way_for_chat(one: GuardianProcess) -> None:
    child = psutil.Process(one.pid)
    assert child.environ()["OMP_NUM_THREADS"] == "1"
    assert child.nice() > psutil.Process().nice()
    assert 20e6 < one.resident_bytes() < 2e9


def test_several_threads_get_each_their_own_verdicts(one: GuardianProcess) -> None:
    wrong: list[str] = []

    def ask(port: int) -> None:
        for _ in range(5):
            told = f"The port is {port}."
            good, bad = one.judge_all(
                [(Candidate("Which port?", f"The port is {p}."), Source(told, "ada")) for p in (port, 1)]
            )
            if not good.allowed or bad.allowed:
                wrong.append(told)

    threads = [threading.Thread(target=ask, args=(8000 + n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_a_process_killed_in_the_middle_of_a_judgement_is_replaced_and_the_examples_are_judged(
    one: GuardianProcess,
) -> None:
    restarts, expected = one.restarts, [v.decision for v in one.judge_all(EXAMPLES)]
    old = kill(one, signal.SIGSTOP)  # it has got the question when it dies
    found: list[Verdict] = []
    asking = threading.Thread(target=lambda: found.extend(one.judge_all(EXAMPLES)))
    asking.start()
    time.sleep(0.2)
    assert not found
    os.kill(old, signal.SIGKILL)
    asking.join(60)
    assert [verdict.decision for verdict in found] == expected
    assert one.pid != old
    assert one.restarts == restarts + 1
    assert one.health() == []


def test_a_process_that_dies_while_idle_is_replaced_before_anybody_asks(one: GuardianProcess) -> None:
    old = kill(one, signal.SIGKILL)
    until(lambda: one.pid not in (None, old))
    assert probe(one) == ""


def test_a_process_that_hangs_is_replaced_and_the_examples_are_judged() -> None:
    guardian = GuardianProcess(QUICK, timeout_seconds=1)
    guardian.start()
    assert probe(guardian) == ""
    old = kill(guardian, signal.SIGSTOP)
    assert guardian.judge(*EXAMPLES[0]).allowed
    assert guardian.pid != old
    assert guardian.health() == []
    guardian.stop()


def test_an_example_on_which_a_check_hangs_is_quarantined_and_told_and_others_are_judged(
    capfd: pytest.CaptureFixture[str],
) -> None:
    guardian = GuardianProcess(Policy(), timeout_seconds=0.5, module="tests.support.stuck_guardian")
    guardian.start()
    source = Source("stick", "ada")
    fine, stuck, after = guardian.judge_all([(Candidate("", p), source) for p in ("a", "stick", "b")])
    assert fine.allowed
    for verdict in (stuck, after):
        assert (verdict.decision, verdict.max_scope) == (Decision.QUARANTINE, Scope.NONE)
        assert [finding.status for finding in verdict.findings] == [Status.ERROR]
        assert "took more than 0.5 s" in verdict.findings[0].evidence
    assert guardian.judge(Candidate("", "b"), source).allowed
    assert guardian.health() == ["guardian: a judgement took more than 0.5 s (1x)"]
    assert "stuck_guardian.py" in capfd.readouterr().err, "the log says where it hung"
    guardian.stop()


def test_a_process_that_cannot_start_is_an_alarm_and_every_verdict_says_so() -> None:
    guardian = GuardianProcess(Policy(), timeout_seconds=0.3, module="server.no_such_module")
    guardian.start()
    until(guardian.health)
    assert "could not start" in guardian.health()[0]
    assert "could not start" in probe(guardian)
    guardian.stop()


def test_the_first_question_starts_the_process_and_a_stopped_one_judges_nothing_more() -> None:
    guardian = GuardianProcess(Policy())
    assert guardian.health() == []
    assert guardian.pid is None
    assert guardian.judge(*EXAMPLES[0]).allowed
    guardian.stop()
    assert not guardian.judge(*EXAMPLES[0]).allowed


def test_a_policy_that_makes_no_sense_is_refused_before_any_process_starts() -> None:
    with pytest.raises(BadPolicy, match="disabled_checks names nonsense"):
        GuardianProcess(Policy(disabled_checks=frozenset({"nonsense"})))


def test_a_guardian_whose_server_is_killed_is_gone_within_seconds() -> None:
    program = (
        "import time; from guardian import Policy; from server.guardian_process import GuardianProcess; "
        "g = GuardianProcess(Policy()); g.start()\n"
        "while g.pid is None: time.sleep(0.01)\n"
        "print(g.pid, flush=True); time.sleep(60)"
    )
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert server.stdout is not None
    child = psutil.Process(int(server.stdout.readline()))
    server.kill()
    server.wait()
    server.stdout.close()
    until(lambda: not child.is_running())
