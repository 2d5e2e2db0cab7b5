"""`livegraft audit`, over HTTP and on the file alone."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from server.__main__ import main
from server.ledger import Ledger
from tests.server.terminal.conftest import Run
from tests.support.http_server import Live


def test_audit_lists_verifies_and_gives_a_head_to_note(live: Live, livegraft: Run) -> None:
    live.ledger.set_paused(True, "ann", "maintenance [today]")
    _, listed, _ = livegraft("audit")
    assert all(words in listed for words in ("ann", "pause_learner", "maintenance [today]"))
    code, head, _ = livegraft("audit", "head")
    assert (code, head.strip()) == (0, str(live.ledger.audit_head()))
    code, out, _ = livegraft("audit", "verify", "--head", head.strip())
    assert (code, "whole" in out) == (0, True)
    code, _, err = livegraft("audit", "verify", "--head", f"7:{'0' * 64}")
    assert (code, "row 2: missing" in err) == (1, True)


def test_the_file_is_verified_with_the_server_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = Ledger.open(tmp_path)
    for number in range(3):
        ledger.set_paused(True, "ann", f"reason {number}")
    ledger.close()
    before = (tmp_path / "ledger.db").read_bytes()
    assert main(["audit", "verify", "--home", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 3
    assert main(["audit", "head", "--home", str(tmp_path)]) == 0
    assert main(["audit", "--home", str(tmp_path)]) == 0
    assert (tmp_path / "ledger.db").read_bytes() == before
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as raw:
        raw.executescript("DROP TRIGGER audit_kept; DELETE FROM audit WHERE id = 2;")
    capsys.readouterr()
    assert main(["audit", "verify", "--home", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert shown.out.startswith("row 2: missing")
    assert "not what was written: row 2" in shown.err


def test_a_home_without_a_ledger_is_named_and_none_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "verify", "--home", str(tmp_path)]) == 1
    assert "There is no ledger at" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
