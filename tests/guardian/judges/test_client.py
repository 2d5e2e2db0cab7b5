"""The endpoint's client against real sockets: what works, and every way to fail, in words."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from guardian.errors import CheckUnavailable, JudgeError
from guardian.judges.client import FAILURES_IN_A_ROW, PAUSE_SECONDS, JudgeClient
from guardian.judges.types import Message, Request
from guardian.types import RemoteJudge
from tests.support.judge_endpoint import Endpoint, completion

ASKED = Request((Message("user", "Why?"), Message("assistant", "So.")), max_tokens=8, logprobs=True)
KEY = "sk-judge-93f1"


class Clock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def client() -> Iterator[Callable[..., JudgeClient]]:
    """client(url, ...): a client that is closed afterwards."""
    opened: list[JudgeClient] = []

    def make(
        url: str, key_env: str = "", timeout_seconds: float = 5.0, clock: Callable[[], float] = time.monotonic
    ) -> JudgeClient:
        judge = RemoteJudge("safety", "shieldgemma", url, "guard-2b", key_env, timeout_seconds)
        opened.append(JudgeClient(judge, clock))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


Make = Callable[..., JudgeClient]


def failure(client: JudgeClient) -> str:
    with pytest.raises(JudgeError) as caught:
        client.ask(ASKED)
    said = str(caught.value)
    assert said.startswith(f"Judge 'safety' (guard-2b at {client.judge.base_url}) ")
    return said


def test_the_request_is_a_chat_completion_at_temperature_0(endpoint: Endpoint, client: Make) -> None:
    endpoint.says("Yes", [("Yes", {"Yes": -0.1, "No": -2.4})])
    reply = client(endpoint.url + "/").ask(ASKED)
    assert reply.text == "Yes"
    assert dict(reply.steps[0].alternatives) == {"Yes": -0.1, "No": -2.4}
    assert endpoint.paths == ["/v1/chat/completions"]
    assert endpoint.requests == [
        {
            "model": "guard-2b",
            "messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}],
            "temperature": 0,
            "max_tokens": 8,
            "stream": False,
            "logprobs": True,
            "top_logprobs": 5,
        }
    ]


def test_the_key_is_read_from_its_variable_for_each_request(
    endpoint: Endpoint, client: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    endpoint.says("No")
    judge = client(endpoint.url, key_env="JUDGE_KEY")
    judge.ask(ASKED)
    monkeypatch.setenv("JUDGE_KEY", "another-key")
    judge.ask(ASKED)
    assert endpoint.authorizations == [f"Bearer {KEY}", "Bearer another-key"]
    assert KEY not in repr(vars(judge))


def test_without_key_env_no_key_is_sent(endpoint: Endpoint, client: Make) -> None:
    client(endpoint.says("No").url).ask(ASKED)
    assert endpoint.authorizations == [""]


def test_a_variable_that_is_not_set_is_named_at_once(client: Make) -> None:
    with pytest.raises(CheckUnavailable, match="variable NO_SUCH_KEY is not set"):
        client("http://127.0.0.1:1/v1", key_env="NO_SUCH_KEY")


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "refuses the key (HTTP 401): check the key in JUDGE_KEY"),
        (403, "refuses the key (HTTP 403)"),
        (404, "knows no such path or model (HTTP 404): check base_url"),
        (400, "does not take the request (HTTP 400): check that adapter and model belong together"),
        (302, "redirects (HTTP 302): write the final address as base_url"),
        (429, "fails (HTTP 429)"),
        (500, "fails (HTTP 500): look into its log"),
        (503, "fails (HTTP 503)"),
    ],
)
def test_a_refusal_says_what_to_do_and_repeats_neither_body_nor_key(
    status: int, says: str, endpoint: Endpoint, client: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", KEY)
    endpoint.status, endpoint.body = status, f"you sent Why? with {KEY}".encode()
    endpoint.headers = {"location": "http://127.0.0.1:9/v1"} if status == 302 else {}
    said = failure(client(endpoint.url, key_env="JUDGE_KEY"))
    assert says in said
    assert KEY not in said
    assert "Why?" not in said
    assert len(endpoint.requests) == 1


def test_a_missing_key_is_told_from_a_wrong_one(endpoint: Endpoint, client: Make) -> None:
    endpoint.status = 401
    assert "refuses the key (HTTP 401): set key_env" in failure(client(endpoint.url))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"<html>Welcome</html>", "answers what is not JSON"),
        (b"", "answers what is not JSON"),
        (b"\xff\xfe\x00", "answers what is not JSON"),
        (b"[" * 100_000, "answers what is not JSON"),
        (b"[]", "answers without choices"),
        (b'{"choices": []}', "answers without choices"),
        (b'{"choices": ["Yes"]}', "answers without choices"),
        (b'{"error": {"message": "Why?"}}', "answers without choices"),
        (b'{"choices": [{"message": "Yes"}]}', "answers without text"),
        (completion(None), "answers without text"),
        (completion("  \n"), "answers without text"),
        (b" " * 1_000_001, "answers more than 1000000 bytes"),
    ],
)
def test_what_is_no_chat_completion_is_said_to_be_none(
    body: bytes, says: str, endpoint: Endpoint, client: Make
) -> None:
    endpoint.body = body
    assert says in failure(client(endpoint.url))


@pytest.mark.parametrize("logprobs", ["null", "[]", '{"content": null}', '{"content": [{"token": "Yes"}]}'])
def test_log_probabilities_that_are_not_as_expected_are_left_out(
    logprobs: str, endpoint: Endpoint, client: Make
) -> None:
    body = '{"choices": [{"message": {"content": "Yes"}, "logprobs": LOGPROBS}]}'.replace(
        "LOGPROBS", logprobs
    )
    endpoint.body = body.encode()
    reply = client(endpoint.url).ask(ASKED)
    assert (reply.text, reply.steps) == ("Yes", ())


def test_nobody_listening_is_unreachable(client: Make) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    assert "cannot be reached (ConnectError): check base_url, and that it runs" in failure(client(url))


def test_a_broken_connection_is_tried_once_more(endpoint: Endpoint, client: Make) -> None:
    endpoint.says("No").cut = 1
    assert client(endpoint.url).ask(ASKED).text == "No"
    endpoint.cut = 2
    assert "cannot be reached" in failure(client(endpoint.url))
    assert len(endpoint.requests) == 4


def test_a_slow_answer_is_a_timeout_and_not_tried_again(endpoint: Endpoint, client: Make) -> None:
    endpoint.says("No").wait_seconds = 0.5
    assert "gave no answer within 0.15 s" in failure(client(endpoint.url, timeout_seconds=0.15))
    assert len(endpoint.requests) == 1


def test_an_answer_that_drips_in_is_a_timeout_too(endpoint: Endpoint, client: Make) -> None:
    endpoint.says("No").drip_seconds = 0.02
    assert "gave no answer within 0.2 s" in failure(client(endpoint.url, timeout_seconds=0.2))


def test_a_dead_judge_is_left_alone_for_a_while_and_then_asked_again(
    endpoint: Endpoint, client: Make
) -> None:
    clock = Clock()
    endpoint.status = 500
    judge = client(endpoint.url, clock=clock)
    for _ in range(FAILURES_IN_A_ROW):
        assert "fails (HTTP 500)" in failure(judge)
    for _ in range(5):
        said = failure(judge)
        assert f"is not asked for {PAUSE_SECONDS:g} s" in said
        assert "the last time it fails (HTTP 500)" in said
    assert len(endpoint.requests) == FAILURES_IN_A_ROW
    clock.now += PAUSE_SECONDS + 1
    assert "fails (HTTP 500)" in failure(judge)  # one try, and the pause begins again
    assert "is not asked" in failure(judge)
    clock.now += PAUSE_SECONDS + 1
    endpoint.status = 200
    endpoint.says("No")
    assert judge.ask(ASKED).text == "No"
    endpoint.status = 500
    assert "fails (HTTP 500)" in failure(judge)
    assert "fails (HTTP 500)" in failure(judge)


def test_a_refused_request_makes_no_pause_for_it_costs_no_time(endpoint: Endpoint, client: Make) -> None:
    endpoint.status = 400
    judge = client(endpoint.url)
    for _ in range(FAILURES_IN_A_ROW + 2):
        assert "HTTP 400" in failure(judge)
