"""One chat in Open WebUI, as it sends it: what is the user's teaches, what is the front-end's own does not.

The exchange (open_webui.json) was written after the source of Open WebUI 0.11: the headers and fields that
its OpenAI connections send with ENABLE_FORWARD_USER_INFO_HEADERS, and its task prompts, shortened.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from server.api.policy import ApiKey, ApiPolicy, IdentityPolicy
from server.types import Turn, TurnState
from tests.support.http_server import Live, run_live

EXCHANGE: list[dict[str, Any]] = json.loads(Path(__file__).with_name("open_webui.json").read_text())
SECRET = "the secret that Open WebUI and we share"
USER = "6a1d0f2e-7a53-4c51-9f0e-2f4c3f1f9f10"
CHAT = "0b5c8e0a-9a44-4f0e-8a53-4d4d6c0a7a11"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server with a key for Open WebUI."""
    key = ApiKey("webui", "key-of-the-webui", frozenset({"chat", "feedback"}), may_speak_for_others=True)
    identity = IdentityPolicy(user_headers=("X-OpenWebUI-User-Id",), token_key=SECRET)
    policy = ApiPolicy(keys=(key,), identity=identity)
    with run_live(tmp_path_factory.mktemp("open-webui"), policy) as live:
        yield live


def send(live: Live, what: str, headers: dict[str, str] | None = None) -> httpx.Response:
    (step,) = [step for step in EXCHANGE if step["what"] == what]
    sent = step["headers"] if headers is None else headers
    return live.http().request(step["method"], step["path"], headers=sent, json=step["body"])


def text(stream: httpx.Response) -> str:
    """Read as Open WebUI reads it: `data:` lines until [DONE]."""
    lines = [line[6:] for line in stream.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    deltas = [json.loads(line)["choices"] for line in lines[:-1]]
    return "".join(choices[0]["delta"].get("content", "") for choices in deltas if choices)


def turn(live: Live, response: httpx.Response) -> Turn:
    assert response.status_code == 200, response.text
    return live.turn_of(response)


def test_the_models_are_listed_for_its_menu(live: Live) -> None:
    models = send(live, "the models, when the connection is saved").json()["data"]
    assert models[0]["id"] == "tiny"
    assert all({"id", "object", "owned_by"} <= set(model) for model in models)


def test_what_the_user_says_teaches_under_the_users_own_id_in_the_chats_conversation(live: Live) -> None:
    response = send(live, "a message of the user")
    assert text(response) == "You said: The admin port of the Zephyr router is 8443."
    told = turn(live, response)
    assert (told.user, told.conversation, told.state) == (USER, CHAT, TurnState.LEARNABLE)
    later = send(live, "the next message, with settings of the chat")
    assert text(later).startswith("one two three")
    assert turn(live, later).conversation == CHAT
    sampling = live.engine.requests[-1].sampling
    assert (sampling.temperature, sampling.seed, sampling.stop, sampling.max_tokens) == (
        0.2,
        42,
        ("###",),
        128,
    )


@pytest.mark.parametrize("what", ["follow-ups", "a title", "tags"])
def test_its_own_tasks_are_answered_and_never_learned(live: Live, what: str) -> None:
    asked = turn(live, send(live, what))
    assert asked.state is TurnState.NOT_LEARNED
    assert "hidden turn of a front-end" in asked.reason


def test_a_picture_is_refused_in_words_that_it_shows_its_user(live: Live) -> None:
    response = send(live, "a message with a picture")
    assert response.status_code == 400
    assert "read text only" in response.json()["error"]["message"]


def test_with_a_secret_it_sends_a_signed_token_in_place_of_the_headers(live: Live) -> None:
    now = int(time.time())
    claims = {"sub": "another-user", "email": "bo@example.org", "name": "Bo", "role": "user"}
    token = jwt.encode({**claims, "iss": "open-webui", "iat": now, "exp": now + 300}, SECRET)
    (step,) = [step for step in EXCHANGE if step["what"] == "a message of the user"]
    kept = {k: v for k, v in step["headers"].items() if not k.startswith("X-OpenWebUI-User")}
    response = send(live, "a message of the user", {**kept, "X-OpenWebUI-User-Jwt": token})
    assert turn(live, response).user == "another-user"
