from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from server.terminal.teach import Standing, standing
from server.types import EditState
from tests.server.terminal.conftest import Run
from tests.support.http_server import Live
from tests.support.world import self_edit

SENTENCE = "The admin port of the Zephyr router is 8443."


def write(live: Live, state: EditState = EditState.ALLOWED, decision: str = "allow") -> None:
    """Do the editor's work on the one turn that waits, once it is there."""
    live.eventually(lambda: live.ledger.turns(1))
    job = live.ledger.claim_job("edit", "test", 30)
    assert job is not None
    edit = self_edit(live.ledger.turns(1)[0], "Zephyr", 8443, state)
    live.ledger.finish_edit_job(job, [(edit, [{"decision": decision}] * len(edit.examples))])


def learn(live: Live) -> None:
    """Do everything that happens behind the server's back after a turn."""
    write(live)
    live.world.learner().step()
    live.show("v1")


def test_teaching_shows_every_stage_until_the_fact_is_served(live: Live, livegraft: Run) -> None:
    behind = threading.Thread(target=learn, args=(live,))
    behind.start()
    code, out, err = livegraft("teach", SENTENCE, "--user", "ana")
    behind.join()
    assert (code, err) == (0, "")
    stages = [line.split()[0] for line in out.splitlines() if " s " in line]
    assert stages == ["told", "written", "judged", "trained", "served"]
    assert "v1 is canary" in out


def test_teaching_as_json_ends_with_the_lineage(live: Live, livegraft: Run) -> None:
    behind = threading.Thread(target=learn, args=(live,))
    behind.start()
    code, out, _ = livegraft("teach", SENTENCE, "--json")
    behind.join()
    assert code == 0
    assert json.loads(out)["refs"] == {"canary": "v1"}


def test_a_fact_that_waits_for_a_person_is_told_with_the_reason(live: Live, livegraft: Run) -> None:
    behind = threading.Thread(target=write, args=(live, EditState.QUARANTINED, "quarantine"))
    behind.start()
    code, out, err = livegraft("teach", SENTENCE)
    behind.join()
    assert code == 1
    assert "written" in out
    assert "trained" not in out
    assert err == "livegraft: not learned: waiting for a person to review it\n"


def test_a_sentence_that_states_nothing_is_told_so_at_once(livegraft: Run) -> None:
    code, _, err = livegraft("teach", "Hello!")
    assert code == 1
    assert "nothing to learn" in err


def test_a_sentence_in_which_the_editor_finds_nothing_is_told_so(live: Live, livegraft: Run) -> None:
    def nothing() -> None:
        live.eventually(lambda: live.ledger.turns(1))
        job = live.ledger.claim_job("edit", "test", 30)
        assert job is not None
        live.ledger.finish_edit_job(job, [])

    behind = threading.Thread(target=nothing)
    behind.start()
    code, _, err = livegraft("teach", SENTENCE)
    behind.join()
    assert code == 1
    assert "nothing to learn" in err


def test_a_turn_that_is_not_learnable_is_refused_at_once(livegraft: Run) -> None:
    code, _, err = livegraft("teach", "silence")
    assert code == 1
    assert "the answer was empty" in err


def test_watching_ends_when_its_time_is_over(livegraft: Run) -> None:
    code, _, err = livegraft("teach", SENTENCE, "--timeout-seconds", "0.1")
    assert code == 1
    assert "not served within" in err
    assert "waiting for the editor" in err


def a_lineage(*states: str, refs: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "turn": {"state": "learnable"},
        "self_edits": [{"state": state} for state in states],
        "refs": refs or {},
        "state": "in words",
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (a_lineage(), Standing("told")),
        (a_lineage("allowed"), Standing("judged")),
        (a_lineage("blocked", "claimed"), Standing("judged")),
        (a_lineage("blocked", "trained"), Standing("trained")),
        (a_lineage("trained", refs={"stable": "v1"}), Standing("served")),
        (a_lineage("blocked", "memory_only"), Standing("written", "in words")),
    ],
)
def test_the_most_advanced_fact_says_how_far_a_turn_has_come(
    found: dict[str, Any], expected: Standing
) -> None:
    assert standing(found) == expected
