from __future__ import annotations

import io
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from rich.console import Console

from server.__main__ import main
from server.engine.types import EngineError
from server.terminal.chat import talk
from server.terminal.client import Client
from server.types import EditState
from tests.server.terminal.conftest import Run
from tests.support.http_server import MODEL, Live


def test_status_tells_what_is_served_and_why_nothing_is_learned(live: Live, livegraft: Run) -> None:
    live.show(live.learn())
    live.operations.add_alarms(lambda: ["the toxicity check cannot start"])
    code, out, err = livegraft("status")
    assert (code, err) == (0, "")
    for words in (
        "ready",
        MODEL,
        "v0",
        "v1, canary, 100% of users",
        "waits for an operator",
        "no allowed fact is waiting",
        "toxicity",
    ):
        assert words in out


def test_status_as_json_is_what_the_server_said(livegraft: Run) -> None:
    code, out, _ = livegraft("status", "--json")
    assert code == 0
    assert set(json.loads(out)) == {"ready", "model", "refs", "learner", "rollout"}


def test_status_of_a_server_that_is_not_ready_says_why(live: Live, livegraft: Run) -> None:
    live.engine.die("killed by a test")
    code, out, _ = livegraft("status")
    assert code == 0
    assert "not ready" in out
    assert "killed by a test" in out


def test_adapters_lists_versions_newest_first_down_to_the_base(live: Live, livegraft: Run) -> None:
    live.show(live.learn("Zephyr", 8443))
    live.run(live.operations.promote("test", "good"))
    live.show(live.learn("Boreas", 9000))
    _, out, _ = livegraft("adapters")
    rows = [line.split()[:2] for line in out.splitlines()[1:]]
    assert rows == [["v2", "canary"], ["v1", "stable"], ["v0", "0"]]


def test_one_adapter_is_shown_with_the_facts_that_it_carries(live: Live, livegraft: Run) -> None:
    live.learn("Zephyr", 8443)
    _, out, _ = livegraft("adapters", "v1")
    assert "The admin port of the Zephyr router is 8443." in out
    assert json.loads(livegraft("adapters", "v1", "--json")[1])["facts"][0]["user"] == "ana"


def test_a_rollback_prints_refs_and_proof(live: Live, livegraft: Run) -> None:
    live.show(live.learn())
    live.run(live.operations.promote("test", "good"))
    code, out, _ = livegraft("rollback", "--reason", "wrong")
    assert code == 0
    assert "v0" in out
    assert live.engine.base_digest in out
    proof = json.loads(livegraft("rollback", "--to", "v1", "--reason", "right after all", "--json")[1])[
        "proof"
    ]
    assert proof["version"] == "v1"
    assert len(proof["logits_sha256"]) == 64


def test_a_rollback_needs_a_reason(livegraft: Run) -> None:
    code, _, err = livegraft("rollback")
    assert code == 2
    assert "--reason" in err


def test_a_refused_command_is_one_line_with_the_servers_words(livegraft: Run) -> None:
    code, out, err = livegraft("rollback", "--reason", "x")
    assert (code, out) == (1, "")
    assert err.startswith("livegraft: Nothing has been learned yet")
    assert err.count("\n") == 1


def test_chat_prints_one_answer_as_it_streams_and_who_gave_it(livegraft: Run) -> None:
    code, out, _ = livegraft("chat", "count", "--user", "ben")
    assert code == 0
    answer, footer = out.splitlines()
    assert answer == "one two three four five six seven eight nine ten"
    assert footer.startswith("v0 (stable), turn-")


def test_chat_says_when_a_message_will_not_be_learned(livegraft: Run) -> None:
    assert "not learned: the answer was empty" in livegraft("chat", "silence")[1]


def test_chat_as_json_is_the_completion(live: Live, livegraft: Run) -> None:
    found = json.loads(
        livegraft("chat", "count", "--json", "--system", "Be brief.", "--model", "tiny@base")[1]
    )
    assert found["adapter"]["arm"] == "pinned"
    assert [m.role for m in live.engine.requests[-1].messages] == ["system", "user"]


def test_a_conversation_goes_on_after_a_failed_answer_and_remembers_the_others(live: Live) -> None:
    lines = iter(["count", "fail", "And now?", "/new", "Hello", "/quit"])
    out = io.StringIO()

    def read(_: str) -> str:
        line = next(lines)
        if line == "fail":
            live.engine.fail_next(EngineError("no memory"), after_tokens=1)
        return line

    with Client(live.url) as client:
        talk(client, Console(file=out, width=200), MODEL, "", "", read)
    assert "the answer broke off: no memory" in out.getvalue()
    sent = [[m.content for m in request.messages] for request in live.engine.requests]
    ten = "one two three four five six seven eight nine ten"
    assert sent == [["count"], ["count", ten, "fail"], ["count", ten, "And now?"], ["Hello"]]


def test_end_of_input_ends_the_conversation(live: Live) -> None:
    def read(_: str) -> str:
        raise EOFError

    with Client(live.url) as client:
        talk(client, Console(file=io.StringIO()), MODEL, "", "", read)


def test_lineage_shows_turn_facts_examples_and_where_they_are_served(live: Live, livegraft: Run) -> None:
    edit = live.world.tell("Zephyr", 8443)
    live.world.learner().step()
    live.show("v1")
    code, out, _ = livegraft("lineage", edit.turn_id)
    assert code == 0
    for words in (
        "ana",
        "trained",
        "never trained",
        "version v1",
        "canary",
        "learned in v1, which is canary",
    ):
        assert words in out


def test_lineage_shows_text_in_square_brackets_as_it_is(live: Live, livegraft: Run) -> None:
    turn = live.ask("The tag is [bold]x[/bold] [/nonsense].").headers["x-livegraft-turn"]
    assert "[bold]x[/bold] [/nonsense]." in livegraft("lineage", turn)[1]
    assert livegraft("chat", "The tag is [/nonsense].")[0] == 0


def test_the_learner_is_shown_paused_and_run(live: Live, livegraft: Run) -> None:
    live.world.tell("Zephyr", 8443, state=EditState.QUARANTINED)
    assert "1 fact waits for a review" in livegraft("learner")[1]
    assert "paused" in livegraft("learner", "pause")[1]
    assert livegraft("learner", "resume")[0] == 0
    asked = json.loads(livegraft("learner", "run", "--json")[1])["update_id"]
    live.world.learner().step()
    assert asked in livegraft("learner")[1]


def test_a_missing_server_is_one_line_that_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--url", "http://127.0.0.1:9"]) == 1
    err = capsys.readouterr().err
    assert err.startswith(
        "livegraft: no server answers at http://127.0.0.1:9; start one with `livegraft serve`"
    )
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dance"], "invalid choice: 'dance'"),
        ([], "COMMAND"),
        (["chat", "--nope"], "--nope"),
        (["status", "--url", "127.0.0.1:8000"], "http://"),
        (["status", "--url", "http://[::"], "--url"),
        (["learner", "dance"], "invalid choice"),
        (["serve", "--port", "many"], "port = 'many'"),
        (["serve", "--host", "0.0.0.0"], "without keys"),
        (["serve", "--model", ""], "model = ''"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2_and_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert words in shown.err
    assert shown.err.startswith("livegraft: ")
    assert shown.err.count("\n") == 1
    assert shown.out == ""


class _WebSite(BaseHTTPRequestHandler):
    """Something that is no Livegraft."""

    def do_GET(self) -> None:
        body = b"<h1>It works!</h1>"
        self.send_response(200 if self.path == "/readyz" else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_something_else_that_answers_http_is_recognised(capsys: pytest.CaptureFixture[str]) -> None:
    with HTTPServer(("127.0.0.1", 0), _WebSite) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        for command in ("status", "adapters"):
            assert main([command, "--url", f"http://127.0.0.1:{site.server_port}"]) == 1
            assert "is that a Livegraft?" in capsys.readouterr().err
        site.shutdown()


def test_the_key_is_taken_from_flag_or_variable(
    locked: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGRAFT_URL", locked.url)
    assert main(["chat", "count"]) == 1
    assert "LIVEGRAFT_KEY" in capsys.readouterr().err
    assert main(["chat", "count", "--key", "key-of-ada-herself"]) == 0
    monkeypatch.setenv("LIVEGRAFT_KEY", "key-of-ada-herself")
    assert main(["chat", "count"]) == 0
    assert main(["adapters"]) == 1
    assert "lacks the scope 'operator'" in capsys.readouterr().err


def test_a_taken_port_is_told_before_anything_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--port", port]) == 1
    err = capsys.readouterr().err
    assert err.startswith(f"livegraft: cannot listen on 127.0.0.1, port {port}: Address already in use")
    assert err.count("\n") == 1


def test_help_is_there_for_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (
        "status",
        "adapters",
        "rollback",
        "teach",
        "chat",
        "lineage",
        "learner",
        "review",
        "preview",
    ):
        with pytest.raises(SystemExit) as left:
            main([command, "--help"])
        assert left.value.code == 0
        assert "--url" in capsys.readouterr().out
    assert main(["serve", "--help"]) == 0
    assert "--learning.global-from" in capsys.readouterr().out


def test_forgetting_asks_for_a_flag_then_prints_what_is_erased_and_served(live: Live, livegraft: Run) -> None:
    live.show(live.learn())
    live.run(live.operations.promote("test", "good"))
    code, out, err = livegraft("forget", "ana")
    assert (code, out) == (2, "")
    assert "--yes" in err
    assert live.ledger.turns(1)[0].user == "ana"
    code, out, _ = livegraft("forget", "ana", "--yes")
    assert code == 0
    assert "v0" in out
    assert "Everything is erased." in out
    assert live.ledger.turns() == []
    found = json.loads(livegraft("forget", "ana", "--yes", "--json")[1])
    assert found["again"]
    assert livegraft("forget", "nobody", "--yes")[0] == 1


def test_a_versions_provenance_is_exported_in_both_formats(live: Live, livegraft: Run) -> None:
    live.learn()
    code, out, _ = livegraft("export", "v1")
    assert (code, json.loads(out)["_type"]) == (0, "https://in-toto.io/Statement/v1")
    code, out, _ = livegraft("export", "v1", "--format", "cyclonedx")
    assert (code, json.loads(out)["bomFormat"]) == (0, "CycloneDX")
    code, _, err = livegraft("export", "v9")
    assert (code, "v9" in err) == (1, True)
