"""A rollback under load holds in every server process over shared replicas, and no request fails.

In small what `scripts/bench rollback --workers 4 --replicas 2` measures: real processes, replicas of paper.
"""

from __future__ import annotations

import sys
from pathlib import Path

from scripts.benchmarks.moving import everywhere

ROOT = Path(__file__).parents[2]
BUSY_MACHINE_SECONDS = 10.0
"""The target is one; a machine with other work is given longer."""


def test_a_rollback_under_load_holds_in_every_process_and_fails_no_request(tmp_path: Path) -> None:
    program = tmp_path / "vllm"
    program.write_text(f'#!/bin/sh\ncd {ROOT}\nexec {sys.executable} -m tests.support.fake_vllm "$@"\n')
    program.chmod(0o755)
    with everywhere.served(program, workers=2, count=2, arguments=(), flags=()) as server:
        found = everywhere.run(server, moves=4, streams=8, tokens=4)
    assert found.failed == []
    assert found.equal == len(found.calls) == 4
    assert len(found.answers) == 2
    assert all(found.answers.values()), "both processes answered"
    assert max(found.sent) < BUSY_MACHINE_SECONDS
