"""The record that lets chat go before training."""

import math
import time
from pathlib import Path

import pytest

from server import busy


def test_another_mapping_of_the_file_reads_what_was_written(tmp_path: Path) -> None:
    writer, reader = busy.BusyFile(tmp_path / "run" / "busy"), busy.BusyFile(tmp_path / "run" / "busy")
    writer.write(3, 0.25)
    assert reader.read() == (3, 0.25)
    writer.write(0)
    assert reader.read() == (0, 0.0)


def test_the_last_word_of_a_dead_writer_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = busy.BusyFile(tmp_path / "busy")
    writer.write(7, 1.0)
    later = time.monotonic() + busy.FRESH_SECONDS + 0.1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert writer.read() == busy.Load()


def test_how_long_nobody_asked_counts_from_the_last_request_of_any_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = busy.BusyFile(tmp_path / "busy", 0), busy.BusyFile(tmp_path / "busy", 1)
    first.write(0)
    assert first.idle_seconds() == math.inf
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    second.write(1)
    now += 0.4
    first.write(0)
    second.write(0)
    now += 0.2
    assert first.idle_seconds() == pytest.approx(0.6)
    first.write(0, came=True)  # between two records, too short to be seen running
    assert first.idle_seconds() == 0.0


def test_a_new_file_says_nobody_waits(tmp_path: Path) -> None:
    assert busy.BusyFile(tmp_path / "busy").read() == busy.Load()


def test_the_load_is_that_of_all_processes_together(tmp_path: Path) -> None:
    first, second = busy.BusyFile(tmp_path / "busy", 0), busy.BusyFile(tmp_path / "busy", 1)
    first.write(2, 0.01)
    second.write(3, 0.04)
    assert busy.BusyFile(tmp_path / "busy").read() == busy.Load(5, 0.04)
    for file in (first, second):
        file.close()
