from __future__ import annotations

from collections.abc import Iterator

import pytest

from server.api.policy import ApiPolicy
from tests.support.http_server import Live, run_live


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """One keyless server for a whole file."""
    with run_live(tmp_path_factory.mktemp("clients"), ApiPolicy()) as live:
        yield live
