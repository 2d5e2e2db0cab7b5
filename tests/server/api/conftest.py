from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from server.api.policy import ApiKey, ApiPolicy
from tests.support.http_server import Live, run_live

KEYS = (
    ApiKey("webui", "key-of-the-webui", frozenset({"chat", "feedback"}), may_speak_for_others=True),
    ApiKey("ada", "key-of-ada-herself", frozenset({"chat"})),
    ApiKey("ops", "key-of-operations", frozenset({"chat", "operator"})),
)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A keyless server whose canaries are shown to everybody."""
    with run_live(tmp_path, ApiPolicy()) as live:
        yield live


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One keyless server for a whole file: for tests that leave nothing behind which others look at."""
    with run_live(tmp_path_factory.mktemp("shared"), ApiPolicy()) as live:
        yield live


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Live]:
    """A server with keys: webui (speaks for others), ada (herself), ops (operator)."""
    with run_live(tmp_path, ApiPolicy(keys=KEYS)) as live:
        yield live
