"""Every wrong request gets a status, a code and a message that names what is wrong and what to do."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from adapter_store import StoreError
from server.api.errors import in_words
from server.engine.types import EngineError
from server.ledger import LedgerError
from tests.support.http_server import MODEL, Live

HELLO = {"role": "user", "content": "Hello"}


def with_(**more: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [HELLO], **more}


def saying(*messages: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": list(messages)}


BAD_CHATS: list[tuple[str, dict[str, Any], int, str, str | None, str]] = [
    ("no model", {"messages": [HELLO]}, 400, "missing_required_parameter", "model", "field required"),
    ("no messages", {"model": MODEL}, 400, "missing_required_parameter", "messages", "field required"),
    ("no message", with_(messages=[]), 400, "empty_array", "messages", "at least 1 item"),
    ("messages no list", with_(messages="Hello"), 400, "invalid_value", "messages", "valid list"),
    (
        "wrong role",
        saying({"role": "wizard", "content": "x"}),
        400,
        "invalid_value",
        "messages[0].role",
        "'system'",
    ),
    ("no role", saying({"content": "x"}), 400, "missing_required_parameter", "messages[0].role", "required"),
    (
        "empty user",
        saying({"role": "user", "content": " \n"}),
        400,
        "empty_message",
        "messages[0].content",
        "empty",
    ),
    ("null user", saying(HELLO, {"role": "user"}), 400, "empty_message", "messages[1].content", "needs text"),
    (
        "content 5",
        saying({"role": "user", "content": 5}),
        400,
        "invalid_type",
        "messages[0].content",
        "string",
    ),
    (
        "an image",
        saying({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}),
        400,
        "unsupported_content",
        "messages[0].content[0]",
        "text only",
    ),
    (
        "a part without text",
        saying({"role": "user", "content": [{"type": "text"}]}),
        400,
        "invalid_type",
        "messages[0].content[0]",
        "'type': 'text'",
    ),
    (
        "half a character",
        saying({"role": "user", "content": "\ud800"}),
        400,
        "invalid_value",
        "messages[0].content",
        "surrogate",
    ),
    ("another model", with_(model="gpt-9"), 404, "model_not_found", "model", "this server serves 'tiny'"),
    ("an unknown version", with_(model="tiny@v99"), 404, "model_not_found", "model", "does not exist"),
    ("an unknown name", with_(model="tiny@newest"), 404, "model_not_found", "model", "does not exist"),
    ("a bare @", with_(model="tiny@"), 404, "model_not_found", "model", "does not exist"),
    ("no canary", with_(model="tiny@canary"), 404, "model_not_found", "model", "No canary"),
    ("too hot", with_(temperature=2.5), 400, "invalid_value", "temperature", "less than or equal to 2"),
    ("top_p 0", with_(top_p=0), 400, "invalid_value", "top_p", "greater than 0"),
    ("n 0", with_(n=0), 400, "invalid_value", "n", "greater than or equal to 1"),
    ("n 99", with_(n=99), 400, "invalid_value", "n", "at most 8"),
    ("no tokens", with_(max_tokens=0), 400, "invalid_value", "max_tokens", "greater than or equal to 1"),
    ("5 stops", with_(stop=list("abcde")), 400, "invalid_value", "stop", "at most 4"),
    ("empty stop", with_(stop=""), 400, "invalid_value", "stop", "empty string"),
    ("huge seed", with_(seed=2**70), 400, "invalid_value", "seed", "less than"),
    ("top_logprobs alone", with_(top_logprobs=2), 400, "invalid_value", "top_logprobs", "logprobs: true"),
    (
        "21 logprobs",
        with_(logprobs=True, top_logprobs=21),
        400,
        "invalid_value",
        "top_logprobs",
        "equal to 20",
    ),
    (
        "stray stream_options",
        with_(stream_options={}),
        400,
        "invalid_value",
        "stream_options",
        "stream: true",
    ),
    ("half a user", with_(user="\ud800"), 400, "invalid_value", "user", "surrogate"),
    ("long user", with_(user="x" * 300), 400, "invalid_value", "user", "at most 256"),
    (
        "17 metadata",
        with_(metadata={str(n): "" for n in range(17)}),
        400,
        "invalid_value",
        "metadata",
        "at most 16",
    ),
    ("metadata 5", with_(metadata={"a": 5}), 400, "invalid_value", "metadata", "strings"),
    ("a tool of no kind", with_(tools=["x"]), 400, "invalid_value", "tools[0]", "'type': 'function'"),
    (
        "a nameless tool",
        with_(tools=[{"type": "function", "function": {}}]),
        400,
        "invalid_value",
        "tools[0].function.name",
        "must be text",
    ),
    ("a choice of nothing", with_(tool_choice="required"), 400, "invalid_value", "tool_choice", "has none"),
    (
        "a forced tool",
        with_(tools=[{"type": "function", "function": {"name": "f"}}], tool_choice="required"),
        400,
        "unsupported_parameter",
        "tool_choice",
        "leave it out",
    ),
    (
        "a call of nothing",
        saying(HELLO, {"role": "assistant", "tool_calls": [{"id": "c"}]}, HELLO),
        400,
        "invalid_type",
        "messages[1].tool_calls[0]",
        "'arguments'",
    ),
    (
        "a result of nothing",
        saying(HELLO, {"role": "tool", "content": "7"}),
        400,
        "invalid_value",
        "messages[1].tool_call_id",
        "name the call",
    ),
    (
        "json mode",
        with_(response_format={"type": "json_object"}),
        400,
        "unsupported_parameter",
        "response_format",
        "leave it out",
    ),
    (
        "penalty",
        with_(frequency_penalty=1),
        400,
        "unsupported_parameter",
        "frequency_penalty",
        "leave it out",
    ),
    ("bias", with_(logit_bias={"5": 1}), 400, "unsupported_parameter", "logit_bias", "leave it out"),
    (
        "too long",
        saying({"role": "user", "content": "word " * 3000}),
        400,
        "context_length_exceeded",
        "messages",
        "2048",
    ),
]


def test_every_bad_chat_request_is_refused_by_name_and_teaches_nothing(live: Live) -> None:
    http = live.http()
    for name, body, status, code, param, words in BAD_CHATS:
        response = http.post(
            "/v1/chat/completions", content=json.dumps(body), headers={"content-type": "application/json"}
        )
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["param"]) == (status, code, param), name
        assert words in error["message"], name
        assert error["type"] == "invalid_request_error", name
        assert response.headers["x-should-retry"] == "false", name
        assert response.headers["x-request-id"].startswith("req-"), name
    assert live.ledger.turns() == []
    assert live.ask("Hello").status_code == 200


def test_what_asks_for_the_usual_anyway_is_not_refused(live: Live) -> None:
    usual: dict[str, Any] = {
        "tools": [],
        "tool_choice": "none",
        "response_format": {"type": "text"},
        "frequency_penalty": 0,
        "presence_penalty": 0.0,
        "logit_bias": {},
        "stop": None,
        "n": None,
        "stream": None,
        "user": "",
    }
    assert live.ask("Hello", **usual).status_code == 200


BAD_BODIES: list[tuple[bytes, dict[str, str], str]] = [
    (b'{"model": ', {"content-type": "application/json"}, "not valid JSON"),
    (b'{"model": "\xff"}', {"content-type": "application/json"}, "UTF-8"),
    (b"[1]", {"content-type": "application/json"}, "valid dictionary"),
    (b"", {"content-type": "application/json"}, "The body is empty"),
    (
        b'{"model": "tiny"}',
        {"content-type": "application/x-www-form-urlencoded"},
        "content-type: application/json",
    ),
    (b'{"model": "tiny"}', {}, "content-type: application/json"),
]


def test_a_body_that_is_no_json_is_said_to_be_none(live: Live) -> None:
    http = live.http()
    for content, headers, words in BAD_BODIES:
        response = http.post("/v1/chat/completions", content=content, headers=headers)
        assert response.status_code == 400
        assert words in response.json()["error"]["message"]
        assert response.json()["error"]["type"] == "invalid_request_error"


def test_a_body_over_the_limit_is_413_whether_it_says_its_length_or_not(live: Live) -> None:
    text = b'{"model": "tiny", "messages": [{"role": "user", "content": "' + b"x" * 4_000_000 + b'"}]}'
    headers = {"content-type": "application/json"}

    def in_pieces() -> Any:
        for start in range(0, len(text), 100_000):
            yield text[start : start + 100_000]

    for content in (text, in_pieces()):
        response = live.http().post("/v1/chat/completions", content=content, headers=headers)
        assert response.status_code == 413
        error = response.json()["error"]
        assert error["code"] == "request_too_large"
        assert "4,000,000 bytes" in error["message"]
    assert live.ask("Hello").status_code == 200


def test_unknown_routes_and_methods_have_the_same_shape(live: Live) -> None:
    http = live.http()
    missing = http.get("/v1/nothing")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "not_found")
    wrong = http.get("/v1/chat/completions")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")


def test_the_official_client_reads_code_param_and_message(live: Live) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        live.openai().chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "x"}])
    assert caught.value.code == "model_not_found"
    assert caught.value.param == "model"
    assert caught.value.request_id is not None


OTHER_ROUTES: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/v1/models/gpt-9", None, 404, "model_not_found"),
    ("GET", "/v1/models/tiny@v99", None, 404, "model_not_found"),
    ("GET", "/v1/turns/turn-none", None, 404, "not_found"),
    ("GET", "/v1/adapters/v99", None, 404, "not_found"),
    ("GET", "/v1/adapters/v99/proof", None, 404, "not_found"),
    ("POST", "/v1/adapters/rollback", {}, 400, "missing_required_parameter"),
    ("POST", "/v1/adapters/rollback", {"reason": "  "}, 400, "invalid_value"),
    ("POST", "/v1/adapters/rollback", {"reason": "x"}, 409, "nothing_to_move"),
    ("POST", "/v1/adapters/rollback", {"reason": "x", "to": "v99"}, 404, "not_found"),
    ("POST", "/v1/adapters/deltas/none/revoke", {"reason": "x"}, 404, "not_found"),
    ("POST", "/v1/rollout/promote", {"reason": "x"}, 409, "nothing_to_move"),
    ("POST", "/v1/rollout/abort", {"reason": "x"}, 409, "nothing_to_move"),
    ("PATCH", "/v1/rollout", {"reason": "x"}, 400, "missing_required_parameter"),
    ("PATCH", "/v1/rollout", {"reason": "x", "weight": 2}, 400, "invalid_value"),
    ("POST", "/v1/feedback", {"turn_id": "none", "metric_name": "m", "value": 1}, 404, "not_found"),
    ("POST", "/v1/feedback", {"turn_id": "none", "metric_name": "m"}, 400, "missing_required_parameter"),
    ("DELETE", "/v1/users/nobody", None, 404, "unknown_user"),
    ("POST", "/v1/reviews/none", {"decision": "approve", "reason": "x"}, 404, "not_found"),
    ("POST", "/v1/reviews/none", {"decision": "perhaps", "reason": "x"}, 400, "invalid_value"),
    ("POST", "/v1/guardian/check", {"examples": [], "source": "x"}, 400, "empty_array"),
    ("POST", "/v1/turns/preview", {"messages": []}, 400, "empty_array"),
    ("GET", "/v1/audit?limit=0", None, 400, "invalid_value"),
]


def test_bad_requests_to_the_other_routes(live: Live) -> None:
    http = live.http()
    for method, path, body, status, code in OTHER_ROUTES:
        response = http.request(method, path, json=body)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code), (
            path,
            response.text,
        )


def test_an_unforeseen_exception_is_500_and_leaks_nothing(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    live.engine.fail_next(ZeroDivisionError("a secret"))  # type: ignore[arg-type]  # what no engine may raise
    response = live.ask("Hello")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert "secret" not in response.text
    assert "ZeroDivisionError" in caplog.text
    assert response.headers["x-request-id"] in caplog.text


def test_failures_of_our_own_parts_keep_their_words_and_say_whether_to_retry() -> None:
    for error, status, retry in (
        (LedgerError("the disk is full"), 503, True),
        (EngineError("no memory"), 500, True),
        (StoreError("blob ab12 is damaged; restore it"), 500, False),
        (RuntimeError("a secret"), 500, False),
    ):
        worded = in_words(error)
        assert (worded.status, worded.retry) == (status, retry)
        assert ("secret" in worded.message) is False
