"""Who the user is: what a front-end says counts only where the operator said so; what is signed always."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from server.api.policy import ApiPolicy, IdentityPolicy
from tests.server.api.conftest import KEYS
from tests.support.http_server import Live, run_live

SECRET = "a secret of at least thirty-two characters"
WEBUI, ADA = "key-of-the-webui", "key-of-ada-herself"
HEADER = {"X-OpenWebUI-User-Id": "u-7"}


def token(key: Any = SECRET, algorithm: str = "HS256", **changed: Any) -> dict[str, str]:
    """What Open WebUI sends when it has a secret."""
    now = int(time.time())
    claims = {"sub": "u-7", "email": "bo@example.org", "name": "Bo", "role": "user", "iss": "open-webui"}
    payload = {**claims, "iat": now, "exp": now + 300, **changed}
    kept = {name: value for name, value in payload.items() if value is not None}
    return {"X-OpenWebUI-User-Jwt": jwt.encode(kept, key, algorithm=algorithm)}


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A server that believes Open WebUI's header and its tokens."""
    identity = IdentityPolicy(user_headers=("X-OpenWebUI-User-Id", "X-User"), token_key=SECRET)
    policy = ApiPolicy(keys=KEYS, identity=identity)
    with run_live(tmp_path_factory.mktemp("trusting"), policy) as live:
        yield live


def user(live: Live, key: str, headers: dict[str, str], **more: Any) -> str:
    response = live.ask("Hello", key=key, headers=headers, **more)
    assert response.status_code == 200, response.text
    return live.turn_of(response).user


def test_no_header_and_no_token_counts_unless_the_operator_says_so(locked: Live) -> None:
    assert user(locked, WEBUI, {**HEADER, **token()}, user="ana") == "ana"
    assert user(locked, ADA, {**HEADER, **token()}) == "ada"


def test_a_trusted_header_names_the_user_for_a_key_that_may_speak_for_others(trusting: Live) -> None:
    assert user(trusting, WEBUI, HEADER, user="ana") == "u-7"
    assert user(trusting, WEBUI, {"X-User": "x-1"}) == "x-1"
    assert user(trusting, WEBUI, {"X-OpenWebUI-User-Id": "{{USER_ID}}"}, user="ana") == "ana"
    assert user(trusting, ADA, HEADER) == "ada"


def test_a_signed_token_names_the_user_for_every_key_before_anything_else(trusting: Live) -> None:
    proved = token(sub="u-9")
    assert user(trusting, WEBUI, {**HEADER, **proved}, user="ana") == "u-9"
    assert user(trusting, ADA, proved) == "u-9"
    assert user(trusting, ADA, {"X-OpenWebUI-User-Jwt": f"Bearer {proved['X-OpenWebUI-User-Jwt']}"}) == "u-9"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: token(key="another secret of thirty-two characters!"), "Signature"),
        (lambda: token(exp=int(time.time()) - 3600), "expired"),
        (lambda: token(exp=None), "exp"),
        (lambda: token(iss="somebody else"), "issuer"),
        (lambda: token(sub=None), "'sub'"),
        (lambda: token(sub=" "), "'sub'"),
        (lambda: token(key="", algorithm="none"), "alg"),
        (lambda: {"X-OpenWebUI-User-Jwt": "no token"}, "Not enough segments"),
    ],
)
def test_a_token_that_proves_nothing_is_401_whatever_else_is_said(
    trusting: Live, wrong: Callable[[], dict[str, str]], words: str
) -> None:
    response = trusting.ask("Hello", key=WEBUI, headers={**HEADER, **wrong()}, user="ana")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (401, "invalid_identity_token")
    assert words in error["message"]


def test_a_required_token_must_come_from_who_speaks_for_others(tmp_path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    identity = IdentityPolicy(
        token_key=public.decode(),
        token_algorithms=("RS256", "ES256", "EdDSA"),
        token_audience="livegraft",
        token_claim="email",
        token_required=True,
    )
    with run_live(tmp_path, ApiPolicy(keys=KEYS, identity=identity)) as live:
        missing = live.ask("Hello", key=WEBUI, user="ana")
        assert missing.json()["error"]["code"] == "invalid_identity_token"
        assert user(live, ADA, {}) == "ada"
        proved = token(private, "EdDSA", aud="livegraft")
        assert user(live, WEBUI, proved) == "bo@example.org"
        for elsewhere in (token(private, "EdDSA"), token(private, "EdDSA", aud="other")):
            assert live.ask("Hello", key=WEBUI, headers=elsewhere).status_code == 401
        shared_secret = live.ask("Hello", key=WEBUI, headers=token(aud="livegraft"))
        assert "alg" in shared_secret.json()["error"]["message"]


def test_feedback_and_previews_know_the_user_the_same_way(trusting: Live) -> None:
    turn = trusting.ask("Hello there", key=WEBUI, headers=token(sub="u-9")).json()["turn"]["id"]
    body = {"turn_id": turn, "metric_name": "thumb", "value": False}
    response = trusting.http(WEBUI).post("/v1/feedback", json=body, headers=token(sub="u-5"))
    assert response.status_code == 200
    (said,) = trusting.ledger.feedback(turn)
    assert said.user == "u-5"
    preview = trusting.http(ADA).post(
        "/v1/turns/preview",
        json={"messages": [{"role": "user", "content": "Hi"}]},
        headers=token(sub="u-5"),
    )
    assert preview.json()["reason"] == "u-5 said 'Hi'"
