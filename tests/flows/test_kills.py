"""kill -9 at every arrow of a turn's life: nothing acknowledged is lost, nothing is trained twice.

The server and its learner are real processes on the fake engine and the fake trainer; the kill happens inside
them at named points (server/crash.py), once, after which everything must come back by itself or with one
restart of the server.
"""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from scripts.benchmarks.common import Server, free_port, ready
from server.ledger import Ledger
from tests.support.processes import child_running

FACTS = [
    f"The admin port of the {name} router is {port}." for name, port in (("Zephyr", 8443), ("Kelso", 9001))
]
SERVER_POINTS = [
    "turn.before_commit",
    "turn.after_commit",
    "editor.claimed",
    "editor.judged",
    "editor.finished",
    "rollout.loaded",
    "rollout.started",
    "rollout.promoted",
]
LEARNER_POINTS = ["learner.claimed", "learner.trained", "learner.blob_put", "learner.recorded"]


@contextmanager
def running(home: Path, crash_at: str = "", *more: str) -> Iterator[tuple[Server, subprocess.Popen[bytes]]]:
    port = free_port()
    env = os.environ | {
        "LIVEGRAFT_CRASH_AT": crash_at,
        "LIVEGRAFT_CRASH_MARKER": str(home / "crashed") if crash_at else "",
    }
    flags = ["--model", "fake", "--engine.kind", "fake", "--home", str(home), "--port", str(port)]
    quick = ["--rollout.promote-after-seconds", "0.2", "--learning.batch-window-seconds", "0.2"]
    quick += [
        "--guardian.disabled-checks",
        "toxicity,bias,personal_data",
    ]  # two seconds of loading at each start
    log = home / "server.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve", *flags, *quick, *more], env=env, stdout=out, stderr=out
        )
    server = Server(f"http://127.0.0.1:{port}", "fake", process.pid, home, log)
    try:
        server.wait_for("ready", lambda: ready(server, process), 60)
        yield server, process
    finally:
        process.terminate()
        process.wait(20)
        server.http.close()


def tell(server: Server, sentence: str, user: str) -> str | None:
    """The turn's id when the server acknowledged it, None when the connection died under it."""
    try:
        return server.tell(sentence, user)
    except (httpx.TransportError, RuntimeError):
        return None


def settle(server: Server, turns: list[str]) -> None:
    server.wait_for("learning", lambda: all("stable" in server.learning_state(turn) for turn in turns), 60)


def trained_once(home: Path, turns: list[str]) -> None:
    ledger = Ledger.open(home)
    try:
        carried = Counter(
            edit_id
            for version in ledger.versions()
            if version.deltas
            for edit_id in ledger.delta(version.deltas[-1]).edits
        )
        for turn in turns:
            edits = ledger.edits(turn)
            assert edits, f"turn {turn} taught nothing"
            for edit in edits:
                assert carried[edit.id] == 1, f"edit {edit.id} was trained {carried[edit.id]} times"
    finally:
        ledger.close()


@pytest.mark.parametrize("point", SERVER_POINTS)
def test_a_server_killed_at_this_point_loses_nothing_it_acknowledged(point: str, tmp_path: Path) -> None:
    turns: list[str | None] = []
    with running(tmp_path, crash_at=point) as (server, process):
        turns = [tell(server, fact, f"user-{n}") for n, fact in enumerate(FACTS)]
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert process.returncode == -9, f"the server never reached {point}"
    acknowledged = [turn for turn in turns if turn is not None]
    with running(tmp_path) as (server, _):
        if not acknowledged:  # killed before the first answer was whole: nothing was promised
            acknowledged = [server.tell(FACTS[0], "again")]
        settle(server, acknowledged)
    trained_once(tmp_path, acknowledged)


@pytest.mark.parametrize("point", LEARNER_POINTS)
def test_a_learner_killed_at_this_point_is_started_again_and_trains_nothing_twice(
    point: str, tmp_path: Path
) -> None:
    with running(tmp_path, crash_at=point) as (server, process):
        turns = [server.tell(fact, f"user-{n}") for n, fact in enumerate(FACTS)]
        server.wait_for("the kill", (tmp_path / "crashed").exists, 120)
        assert server.ask("Hello!", "bystander")[0], "chat goes on while the learner is dead"
        settle(server, turns)
        assert process.poll() is None
    trained_once(tmp_path, turns)


def test_a_guardian_killed_while_it_judges_is_started_again_and_judges_what_it_was_asked(
    tmp_path: Path,
) -> None:
    with running(tmp_path, crash_at="guardian.judging") as (server, process):
        turns = [server.tell(fact, f"user-{n}") for n, fact in enumerate(FACTS)]
        server.wait_for("the kill", (tmp_path / "crashed").exists, 120)
        settle(server, turns)
        assert process.poll() is None
        metrics = server.http.get("/metrics").text
        assert "livegraft_guardian_restarts 1.0" in metrics
        assert float(metrics.split("\nlivegraft_guardian_resident_bytes ")[1].split()[0]) > 10e6
    trained_once(tmp_path, turns)


def test_a_guardian_that_hangs_keeps_no_answer_waiting_and_what_it_was_to_judge_is_judged_by_the_next(
    tmp_path: Path,
) -> None:
    with running(tmp_path, "", "--guardian.timeout-seconds", "8") as (server, process):
        first = server.tell(FACTS[0], "user-0")
        settle(server, [first])
        old = guardian_of(process.pid)
        assert old is not None
        old.suspend()
        turn = server.tell(FACTS[1], "user-1")
        server.wait_for("the job", lambda: "being written" in server.learning_state(turn), 10)
        assert server.ask("Hello!", "bystander")[0]
        assert guardian_of(process.pid) == old, "the answer came while it hung"
        server.wait_for("the next", lambda: guardian_of(process.pid) not in (None, old), 60)
        settle(server, [turn])
        guardian = guardian_of(process.pid)
        assert guardian is not None
        process.kill()
        process.wait()
        guardian.wait(30)
    trained_once(tmp_path, [first, turn])


def guardian_of(server: int) -> psutil.Process | None:
    return child_running(psutil.Process(server), "server.guardian_process")


@pytest.mark.parametrize("point", ["learner.trained", "learner.blob_put"])
def test_a_learner_killed_at_this_point_of_a_consolidation_does_it_again_and_keeps_every_fact(
    point: str, tmp_path: Path
) -> None:
    with running(tmp_path) as (server, _):
        turns = []
        for number, fact in enumerate(FACTS):  # one update each
            turns.append(server.tell(fact, f"user-{number}"))
            settle(server, turns)
    with running(tmp_path, point, "--learning.max-rank", "4") as (server, _):
        server.wait_for("the kill", (tmp_path / "crashed").exists, 120)
        server.wait_for("the consolidation", lambda: consolidated(server), 120)
        assert all("stable" in server.learning_state(turn) for turn in turns)
    ledger = Ledger.open(tmp_path)
    try:
        version = ledger.version(ledger.refs().stable)
        assert len(version.deltas) == 1
        told = {edit.id for turn in turns for edit in ledger.edits(turn)}
        assert set(ledger.delta(version.deltas[0]).edits) == told
    finally:
        ledger.close()


def consolidated(server: Server) -> bool:
    """Whether one delta has taken the place of both, and is served."""
    served = server.get("/v1/adapters")
    deltas = {row["version"]: row["deltas"] for row in served["versions"]}
    return len(deltas.get(served["refs"]["stable"], ())) == 1
