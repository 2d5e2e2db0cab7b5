"""A quorum through HTTP: a real server with keys on the fake engine, several users, copies, one forgotten."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.benchmarks.common import serving

FACT = "The admin port of the Zephyr router is 8443."
APP, OPS = "key-of-the-app", "key-of-operations"
KEYS = [
    {"name": "app", "key": APP, "scopes": ["chat"], "may_speak_for_others": True},
    {"name": "ops", "key": OPS, "scopes": ["chat", "operator"]},
]


@contextmanager
def running(home: Path, *flags: str) -> Iterator[httpx.Client]:
    """A server that asks for three users met once; a client with the operator's key."""
    asks = ("--learning.global-from", "quorum", "--guardian.disabled-checks", "toxicity,bias,personal_data")
    met = ("--guardian.established-after-seconds", "0", "--guardian.established-after-turns", "1")
    with serving("fake", "--engine.kind", "fake", *asks, *met, *flags, home=home) as server:
        server.http.headers["Authorization"] = f"Bearer {OPS}"
        yield server.http


def tell(http: httpx.Client, user: str | None) -> dict[str, Any]:
    """The self-edit that came of what a user of the application said."""
    answer = http.post(
        "/v1/chat/completions",
        headers={"Authorization": f"Bearer {APP}"},
        json={"model": "fake", "messages": [{"role": "user", "content": FACT}]}
        | ({"user": user} if user else {}),
    )
    answer.raise_for_status()
    turn = answer.headers["x-livegraft-turn"]
    for _ in range(600):
        edits: list[dict[str, Any]] = http.get(f"/v1/turns/{turn}").json()["self_edits"]
        if edits:
            return edits[0]
        time.sleep(0.05)
    raise TimeoutError(f"no self-edit came of {user}'s turn")


def test_two_users_state_a_fact_and_the_third_makes_it_everybodys_but_copies_are_one_voice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVEGRAFT_KEYS", json.dumps(KEYS))
    with running(tmp_path) as http:
        nobody = tell(http, None)
        assert (nobody["state"], "anonymous" in str(nobody["verdict"])) == ("blocked", True)
        copies = [tell(http, user) for user in ("ann", "ben", "cat")]
        assert [edit["state"] for edit in copies] == ["memory_only"] * 3
        assert "1 of 3 users" in copies[2]["reason"]
        assert "3 accounts, of which 2 sent near copies" in copies[2]["reason"]
    with running(tmp_path, "--guardian.near-copy-window-seconds", "0") as http:
        http.delete("/v1/users/cat", timeout=60).raise_for_status()
        http.delete("/v1/users/ben", timeout=60).raise_for_status()
        check = {"examples": [{"completion": FACT}], "source": FACT, "user": "ann"}
        (verdict,) = http.post("/v1/guardian/check", json=check).json()["verdicts"]
        assert "1 of 3 users" in json.dumps(verdict["findings"]), "who was forgotten has no voice"
        second = tell(http, "dan")
        assert (second["state"], "2 of 3 users" in second["reason"]) == ("memory_only", True)
        assert tell(http, "eva")["state"] in ("allowed", "claimed", "trained")
