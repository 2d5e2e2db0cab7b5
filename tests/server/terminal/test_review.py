"""`livegraft review` and `livegraft preview`, against a running server."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from guardian import Guardian, Policy
from server.__main__ import main
from server.api.policy import ApiPolicy
from server.editor.loop import EditorLoop
from server.engine.fake import FakeEngine
from server.ledger import Ledger
from server.terminal import review
from server.terminal.client import Client
from server.types import EditState, SelfEdit, Turn
from tests.server.terminal.conftest import Run
from tests.support.editor import PORT, good_writer
from tests.support.http_server import Live, run_live


def waiting(live: Live, name: str = "Zephyr", port: int = 8443) -> SelfEdit:
    """A fact that waits because of a finding."""
    edit = live.world.tell(name, port, state=EditState.QUARANTINED)
    finding = {
        "check": "toxicity",
        "action": "quarantine",
        "label": "hostile",
        "evidence": "It sounds hostile.",
    }
    verdicts = [{"decision": "quarantine", "max_scope": "none", "findings": [finding]}] * 4
    reason = "toxicity: It sounds hostile."
    return live.ledger.rewrite_edit(edit.id, edit.examples, verdicts, EditState.QUARANTINED, reason, "")


def look(live: Live, *answers: str, state: str = "quarantined") -> str:
    """Review one by one, typing these answers; what the console showed."""
    out, typed = io.StringIO(), iter(answers)

    def read(_: str) -> str:
        try:
            return next(typed)
        except StopIteration:
            raise EOFError from None

    with Client(live.url) as client:
        review.interactive(client, Console(file=out, width=200), state, "", "", read)
    return out.getvalue()


def test_one_by_one_shows_all_that_a_decision_needs_and_settles_it(live: Live) -> None:
    first, second, third = (waiting(live, name) for name in ("Zephyr", "Boreas", "Notos"))
    live.ledger.note_quarantine()
    shown = look(live, "a", "", "checked with ops", "d", "wrong router", "s")
    for words in (
        "The admin port of the Zephyr router is 8443.",
        "Got it.",  # the answer of the turn it is from
        "What is the admin port of the Zephyr router? → ",
        "(asked by the gate, never trained)",
        "toxicity asks for a person (hostile): It sounds hostile.",
        "is denied on ",
        "approved by local: checked with ops",
        "2 of 3 settled",
    ):
        assert words in shown
    assert shown.count("toxicity asks for a person") == 3, "once for each fact, not for each wording"
    states = [live.ledger.edit(edit.id).state.value for edit in (first, second, third)]
    assert states == ["allowed", "blocked", "quarantined"]


def test_correcting_asks_for_each_text_and_keeps_what_is_not_typed(live: Live) -> None:
    edit = waiting(live)
    wording = "Say the admin port of the Zephyr router."
    shown = look(live, "e", "", "", "", wording, "", "", "", "", "better wording")
    assert f"{edit.id[:12]} is " in shown
    after = live.ledger.edit(edit.id)
    assert [example.prompt for example in after.examples][2] == wording
    assert len(after.examples) == 4


def test_a_refused_decision_is_told_and_asked_again_and_the_end_of_input_ends_it(live: Live) -> None:
    edit = waiting(live)
    shown = look(live, "x", "e", "-", "-", "-", "-")
    assert "no example is left; deny it instead" in shown
    assert "0 of 1 settled" in shown
    assert live.ledger.edit(edit.id) == edit


def test_q_stops_and_an_empty_queue_says_so(live: Live) -> None:
    assert "nothing waits" in look(live)
    waiting(live)
    waiting(live, "Boreas")
    assert "0 of 1 settled" in look(live, "q")


def test_more_than_a_page_is_shown_to_the_end(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "PAGE", 2)
    for name in ("Zephyr", "Boreas", "Notos"):
        waiting(live, name)
    assert "3 of 3 settled" in look(live, *["d", "wrong"] * 3)


def test_reviews_are_listed_approved_and_denied_from_a_script(live: Live, livegraft: Run) -> None:
    first, second = waiting(live), waiting(live, "Boreas")
    code, out, _ = livegraft("review", "list")
    assert code == 0
    assert first.id in out
    assert "toxicity: It sounds hostile." in out
    assert livegraft("review", "list", "--because", "topics")[1] == "nothing waits\n"
    code, out, _ = livegraft("review", "approve", first.id, "--reason", "checked")
    assert (code, out) == (0, f"{first.id[:12]} is allowed: approved by local: checked\n")
    assert "is blocked" in livegraft("review", "deny", second.id, "--reason", "wrong")[1]
    code, _, err = livegraft("review", "approve", first.id, "--reason", "again")
    assert code == 1
    assert "does not wait for a review; it is allowed" in err
    found = json.loads(livegraft("review", "list", "--state", "blocked", "--json")[1])["reviews"]
    assert [edit["id"] for edit in found] == [second.id]


@pytest.mark.parametrize("arguments", [("approve",), ("deny", "abc"), ("approve", "--reason", "x")])
def test_a_decision_without_id_or_reason_is_a_wrong_command_line(
    livegraft: Run, arguments: tuple[str, ...]
) -> None:
    code, _, err = livegraft("review", *arguments)
    assert code == 2
    assert "ID --reason WHY" in err


def test_denying_a_spot_check_that_is_trained_tells_what_to_do(live: Live, livegraft: Run) -> None:
    edit = live.world.tell("Zephyr", 8443)
    live.ledger.mark_spot_checks(1.0)
    live.world.learner().step()
    assert "spot check: it was allowed and is trained" in look(live, state="spot_check")
    _, out, _ = livegraft("review", "deny", edit.id, "--reason", "wrong")
    assert "the weights that are served may know it" in out
    assert f"POST /v1/adapters/deltas/{live.ledger.version('v1').deltas[0]}/revoke" in out


@pytest.fixture
def previewing(tmp_path: Path) -> Iterator[Callable[[], Live]]:
    """A server whose previews are written by the scripted model and judged by the real guardian."""
    guardian = Guardian(Policy())
    made: list[EditorLoop] = []

    async def preview(turn: Turn) -> dict[str, object]:
        if not made:
            engine = FakeEngine(good_writer)
            await engine.start()
            made.append(EditorLoop(Ledger.open(tmp_path / "other"), engine, guardian))
        return await made[0].preview(turn)

    (tmp_path / "other").mkdir()
    with run_live(tmp_path, ApiPolicy(), preview=preview) as live:
        yield lambda: live


def test_a_preview_says_in_words_what_would_be_taught_and_stores_nothing(
    previewing: Callable[[], Live], capsys: pytest.CaptureFixture[str]
) -> None:
    live = previewing()
    assert main(["preview", PORT, "--url", live.url]) == 0
    out = capsys.readouterr().out
    assert out.startswith(PORT)
    assert "would be allowed" in out
    assert "What is the admin port of the Zephyr router? → " in out
    assert "nothing of this was stored" in out
    assert main(["preview", "My sister's dog is called Rex.", "--url", live.url]) == 0
    out = capsys.readouterr().out
    assert "provenance narrows who may learn it (first person" in out
    assert "The user speaks of themselves: nobody else is taught it." in out
    assert main(["preview", "Is it raining?", "--url", live.url]) == 0
    assert "it would teach nothing: 'Is it raining?': a question" in capsys.readouterr().out
    assert main(["preview", PORT, "--url", live.url, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["self_edits"][0]["explanations"][0].startswith("Allowed: it may train the adapter that")
    assert live.ledger.turns() == []
