"""The learner as a process: how it is told what to do, and that it never outlives its server."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

from server.learner.child import PARENT_PID, ChildOptions, read_options, write_options
from server.learner.record import LearnerOptions


def options(home: Path) -> ChildOptions:
    learner = LearnerOptions(model_dir=home / "model", model_name="fake", base_digest="0" * 64)
    return ChildOptions(home=str(home), learner=learner, nice=0, trainer="fake")


def test_what_the_server_writes_is_what_the_learner_reads(tmp_path: Path) -> None:
    write_options(options(tmp_path))
    assert read_options(tmp_path) == options(tmp_path)


def test_the_learners_log_lines_have_the_form_that_the_server_was_told(tmp_path: Path) -> None:
    write_options(dataclasses.replace(options(tmp_path), log_format="json"))
    learner = subprocess.run(
        [sys.executable, "-m", "server.learner", str(tmp_path)],
        env=os.environ | {PARENT_PID: "1"},  # not its parent: it starts and ends
        timeout=60,
        check=False,
        stderr=subprocess.PIPE,
    )
    lines = [json.loads(line) for line in learner.stderr.splitlines()]
    assert "the learner is ready" in [line["message"] for line in lines]


def test_a_learner_whose_server_was_killed_before_it_could_look_ends_by_itself(tmp_path: Path) -> None:
    write_options(options(tmp_path))
    server = subprocess.Popen([sys.executable, "-c", "pass"])
    server.wait()
    learner = subprocess.run(
        [sys.executable, "-m", "server.learner", str(tmp_path)],
        env=os.environ | {PARENT_PID: str(server.pid)},
        timeout=60,
        check=False,
    )
    assert learner.returncode == 0
