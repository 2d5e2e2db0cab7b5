"""Several server processes on one port: all answer and follow the refs, one works behind chat, any may die.

Real processes, the fake engine, kills without warning. Not covered: many machines.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from scripts.benchmarks.common import Server, serving
from tests.support.processes import child_running

FLAGS = (
    *("--engine.kind", "fake", "--workers", "2", "--rollout.promote-after-seconds", "0"),
    *("--guardian.disabled-checks", "toxicity,bias,personal_data"),
)
FACTS = ("The admin port of the Zephyr router is 8443.", "The admin port of the Kelso router is 9120.")


def eventually(holds: Callable[[], object], what: str, seconds: float = 180.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:.0f} s"
        time.sleep(0.1)


def workers(server: Server) -> list[psutil.Process]:
    return list(psutil.Process(server.pid).children())


def leaders(server: Server) -> list[psutil.Process]:
    """Those that run a learner."""
    return [worker for worker in workers(server) if child_running(worker, "server.learner")]


def version_of_a_new_connection(server: Server) -> str:
    body = {"model": "fake", "messages": [{"role": "user", "content": "Hello"}], "store": False}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=30)
    answer.raise_for_status()
    return answer.headers["x-livegraft-version"]


def versions_everywhere(server: Server, times: int = 24) -> Counter[str]:
    """What as many new connections at once are answered by: more than one process takes them."""
    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(lambda _: version_of_a_new_connection(server), range(times)))


def test_any_worker_answers_one_learns_and_when_it_is_killed_another_takes_over(tmp_path: Path) -> None:
    with serving("fake", *FLAGS, home=tmp_path) as server:
        eventually(lambda: len(workers(server)) == 2 and len(leaders(server)) == 1, "one leads")
        server.tell(FACTS[0], "ana")
        eventually(lambda: versions_everywhere(server).keys() == {"v1"}, "the first fact everywhere")

        (first,) = leaders(server)
        first.send_signal(signal.SIGKILL)
        eventually(lambda: [w.pid for w in leaders(server)] not in ([], [first.pid]), "another leads")
        eventually(lambda: len(workers(server)) == 2, "two workers again")
        server.tell(FACTS[1], "ana")
        eventually(lambda: versions_everywhere(server).keys() == {"v2"}, "the second fact everywhere")

        server.post("/v1/adapters/rollback", {"to": "v1", "reason": "a test"})
        eventually(lambda: versions_everywhere(server).keys() == {"v1"}, "the rollback everywhere", 5)


def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    with serving("fake", *FLAGS, home=tmp_path) as server:
        started = workers(server)
        os.kill(server.pid, signal.SIGKILL)
        _, left = psutil.wait_procs(started, timeout=30)
        assert left == []


def test_several_processes_with_an_engine_in_each_are_refused(capfd: pytest.CaptureFixture[str]) -> None:
    from server.__main__ import main

    assert main(["serve", "--model", "seedling", "--workers", "2"]) == 2
    assert "set workers to 1" in capfd.readouterr().err
