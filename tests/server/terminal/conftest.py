from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.__main__ import main
from server.api.policy import ApiKey, ApiPolicy
from tests.support.http_server import Live, run_live

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """A keyless server whose canaries are shown to everybody."""
    with run_live(tmp_path, ApiPolicy()) as live:
        yield live


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Live]:
    """A server with one key that may only chat."""
    keys = (ApiKey("ada", "key-of-ada-herself", frozenset({"chat"})),)
    with run_live(tmp_path, ApiPolicy(keys=keys)) as live:
        yield live


@pytest.fixture
def livegraft(live: Live, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command against the server: exit code, stdout, stderr."""
    monkeypatch.setenv("LIVEGRAFT_URL", live.url)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run
