from __future__ import annotations

from typing import Any

import openai
import pytest

from server.api.auth import KEYLESS, Speaker, identify
from server.api.errors import ApiError
from server.api.policy import ApiPolicy
from tests.server.api.conftest import KEYS
from tests.support.http_server import MODEL, Live

OPERATOR_ROUTES = [
    ("GET", "/v1/adapters"),
    ("GET", "/v1/adapters/v0"),
    ("GET", "/v1/adapters/v0/proof"),
    ("POST", "/v1/adapters/rollback"),
    ("POST", "/v1/adapters/deltas/x/revoke"),
    ("GET", "/v1/learner"),
    ("POST", "/v1/learner/pause"),
    ("POST", "/v1/learner/resume"),
    ("POST", "/v1/learner/run"),
    ("GET", "/v1/rollout"),
    ("PATCH", "/v1/rollout"),
    ("POST", "/v1/rollout/promote"),
    ("POST", "/v1/rollout/abort"),
    ("GET", "/v1/reviews"),
    ("POST", "/v1/reviews/x"),
    ("POST", "/v1/guardian/check"),
    ("GET", "/v1/audit"),
]


def test_without_keys_every_key_may_do_everything(live: Live) -> None:
    assert live.openai("nonsense").models.list().data
    assert live.http().get("/v1/adapters").status_code == 200


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "missing_api_key"),
        ("Basic abc", "missing_api_key"),
        ("Bearer ", "missing_api_key"),
        ("Bearer key-of-nobody", "invalid_api_key"),
        ("Bearer key-of-the-webu", "invalid_api_key"),
        ("Bearer schlüssel", "invalid_api_key"),
    ],
)
def test_a_missing_or_wrong_key_is_401_and_is_not_echoed(authorization: str, code: str) -> None:
    with pytest.raises(ApiError) as caught:
        identify(ApiPolicy(keys=KEYS), authorization)
    assert (caught.value.status, caught.value.code) == (401, code)
    assert "key-of" not in caught.value.message


def test_a_wrong_key_is_401_over_http(locked: Live) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        locked.openai("wrong-key").models.list()
    assert caught.value.code == "invalid_api_key"
    assert caught.value.response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), OPERATOR_ROUTES)
def test_what_shows_or_changes_learning_needs_the_operator_scope(
    method: str, path: str, locked: Live
) -> None:
    response = locked.http("key-of-the-webui").request(method, path, json={"reason": "x"})
    assert response.status_code == 403
    assert response.json()["error"]["code"] == "insufficient_scope"
    assert "'operator'" in response.json()["error"]["message"]


def test_scopes_do_not_contain_each_other(locked: Live) -> None:
    body = {"turn_id": "x", "metric_name": "thumb", "value": True}
    assert locked.http("key-of-operations").post("/v1/feedback", json=body).status_code == 403
    assert locked.http("key-of-ada-herself").post("/v1/feedback", json=body).status_code == 403
    assert locked.http("key-of-the-webui").post("/v1/feedback", json=body).status_code == 404


def test_health_and_metrics_need_no_key(locked: Live) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert locked.http().get(path).status_code == 200


def test_the_user_is_named_by_the_request_only_for_keys_that_may_speak_for_others(locked: Live) -> None:
    def user_of(key: str, **named: Any) -> str:
        return locked.turn_of(locked.ask("Hello", key=key, **named)).user

    assert user_of("key-of-the-webui", user="carla") == "carla"
    assert user_of("key-of-the-webui", safety_identifier="dora") == "dora"
    assert user_of("key-of-the-webui") == "webui"
    assert user_of("key-of-ada-herself", user="carla") == "ada"


def test_the_turn_says_which_key_spoke_and_whether_it_was_an_operators(locked: Live) -> None:
    turn = locked.turn_of(locked.ask("Hello", key="key-of-operations"))
    assert (turn.key_name, turn.operator) == ("ops", True)
    turn = locked.turn_of(locked.ask("Hello", key="key-of-ada-herself"))
    assert (turn.key_name, turn.operator) == ("ada", False)


def test_everybody_is_an_operator_of_a_keyless_server(live: Live) -> None:
    turn = live.turn_of(live.ask("Hello"))
    assert (turn.key_name, turn.operator, turn.user) == ("", True, "anonymous")


def test_a_turn_is_shown_to_the_key_that_made_it_and_to_operators(locked: Live) -> None:
    turn = locked.ask("My cat is Mia.", key="key-of-ada-herself").headers["x-livegraft-turn"]
    for key, status in (("key-of-ada-herself", 200), ("key-of-operations", 200), ("key-of-the-webui", 404)):
        assert locked.http(key).get(f"/v1/turns/{turn}").status_code == status


def test_blank_names_are_no_names() -> None:
    assert KEYLESS.user("", "  ", None) == "anonymous"
    assert KEYLESS.user("", " eva ") == "eva"
    assert Speaker("k", frozenset(), False).user("eva") == "k"


def test_a_web_page_cannot_talk_to_a_keyless_server(live: Live) -> None:
    http = live.http()
    for header, value in (
        ("host", "evil.example"),
        ("host", "evil.example:8000"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ):
        response = http.post("/v1/learner/pause", headers={header: value})
        assert (response.status_code, response.json()["error"]["code"]) == (403, "not_local")
    assert not live.ledger.paused()


def test_programs_of_this_machine_can(live: Live) -> None:
    http = live.http()
    for header, value in (
        ("host", "localhost:8000"),
        ("host", "[::1]:8000"),
        ("host", "127.0.0.1"),
        ("origin", "http://localhost:3000"),
    ):
        assert http.get("/v1/models", headers={header: value}).status_code == 200


def test_a_server_with_keys_answers_any_host(locked: Live) -> None:
    response = locked.http("key-of-ada-herself").get("/v1/models", headers={"host": "chat.example"})
    assert response.status_code == 200
    assert response.json()["data"][0]["id"] == MODEL
