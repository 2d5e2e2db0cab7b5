"""Real processes killed at any moment: what was acknowledged is there, and nothing is done twice."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from server.ledger import Ledger
from server.types import EditState, UpdateState
from tests.support.rows import VERDICTS, make_edit, make_turn

SOURCE = Path(__file__).parents[3]
WORKER = Path(__file__).with_name("worker.py")
ROUNDS = 20


def start(task: str, home: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(WORKER), str(SOURCE), task, str(home), name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill(process: subprocess.Popen[str]) -> list[str]:
    """Kill the process and return the whole lines that it had printed: an acknowledgement each."""
    process.kill()
    out, err = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL, f"the worker had ended by itself: {err}"
    return [line for line in out.splitlines(keepends=True) if line.endswith("\n")]


def await_first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def check_integrity(home: Path) -> None:
    raw = sqlite3.connect(home / "ledger.db")
    assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    raw.close()


def test_no_acknowledged_turn_is_lost_and_none_is_without_its_job(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    random.seed(7)
    acknowledged: list[str] = []
    for round_number in range(ROUNDS // 2):
        writers = [start("turns", tmp_path, f"{round_number}-{n}") for n in range(2)]
        firsts = [await_first_line(writer) for writer in writers]
        time.sleep(random.uniform(0, 0.15))
        for writer, first in zip(writers, firsts, strict=True):
            acknowledged += [line.strip() for line in (first, *kill(writer))]
    ledger = Ledger.open(tmp_path)
    stored = {turn.id for turn in ledger.turns(1_000_000)}
    counts = ledger.counts()
    ledger.close()
    assert len(acknowledged) >= ROUNDS
    assert len(set(acknowledged)) == len(acknowledged)
    assert set(acknowledged) <= stored
    assert counts["jobs"] == {"queued": len(stored)}
    check_integrity(tmp_path)


def test_learners_killed_at_any_moment_train_every_edit_exactly_once(tmp_path: Path) -> None:
    total = 30
    ledger = Ledger.open(tmp_path)
    ledger.add_turn(make_turn("t1"), True)
    job = ledger.claim_job("edit", "editor", 60.0)
    assert job is not None
    ledger.finish_edit_job(job, [(make_edit(f"e{n}", "t1"), VERDICTS) for n in range(total)])
    random.seed(11)
    deadline = time.monotonic() + 120
    rounds = 0
    while len(ledger.edits_in(EditState.TRAINED, total)) < total and time.monotonic() < deadline:
        learners = [start("learn", tmp_path, f"{rounds}-{n}") for n in range(2)]
        for learner in learners:
            await_first_line(learner)
        # once enough have died in the middle, let them go on for as long as it takes
        time.sleep(random.uniform(0, 0.1) if rounds < ROUNDS // 2 else 2.0)
        for learner in learners:
            kill(learner)
        rounds += 1
    edits = ledger.edits("t1")
    assert [edit.state for edit in edits] == [EditState.TRAINED] * total
    carried = Counter(edit for row in ledger.versions() for edit in ledger.delta(row.deltas[-1]).edits)
    assert carried == Counter({edit.id: 1 for edit in edits})
    states = Counter(update.state for update in ledger.updates(1_000))
    assert states[UpdateState.ACCEPTED] == len(ledger.versions())
    assert rounds > 1, "at least one learner was killed before the work was done"
    ledger.close()
    check_integrity(tmp_path)


def test_of_two_processes_that_claim_the_same_edits_one_finishes(tmp_path: Path) -> None:
    """The slow learner's lease runs out in its hands; the quick one trains; the slow one is refused."""
    ledger = Ledger.open(tmp_path)
    ledger.add_turn(make_turn("t1"), True)
    job = ledger.claim_job("edit", "editor", 60.0)
    assert job is not None
    ledger.finish_edit_job(job, [(make_edit("e1", "t1"), VERDICTS)])
    slow = start("slow", tmp_path, "slow")
    assert await_first_line(slow) == "claimed\n"
    deadline = time.monotonic() + 30
    claim = None
    while claim is None and time.monotonic() < deadline:
        claim = ledger.claim_edits("quick", 60.0, 8)
        time.sleep(0.02)
    assert claim is not None
    out, err = slow.communicate(input=None, timeout=30)
    assert out == "StaleFence\n", err
    assert [edit.id for edit in claim.edits] == ["e1"]
    assert ledger.versions() == []
    assert ledger.edit("e1").state is EditState.CLAIMED
    ledger.close()
