"""No request that fits the OpenAPI document makes the server fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok

from server.api.policy import ApiPolicy
from tests.support.http_server import MODEL, Live, run_live

EXAMPLES_A_ROUTE = 3
ENDLESS = "/v1/events"
"""A stream that ends when the client goes; test_events.py reads it."""
TIMEOUT_SECONDS = 120
"""Models are loaded at the first request that needs them, on machines that have other things to do."""


@pytest.mark.filterwarnings("ignore")  # what the library's own parts warn of is theirs
def test_no_request_that_the_openapi_document_allows_makes_a_server_error(tmp_path: Path) -> None:
    with run_live(tmp_path, ApiPolicy()) as live:
        schema = schemathesis.openapi.from_url(f"{live.url}/openapi.json")
        found = [operation.ok() for operation in schema.get_all_operations() if isinstance(operation, Ok)]
        for operation in found:
            if operation.path != ENDLESS:
                _ask(operation, live)
        assert len(found) > 35
        assert live.ask("Hello").status_code == 200


def _ask(operation: Any, live: Live) -> None:
    """The same requests in every run, so that what fails once fails again."""

    @settings(
        max_examples=EXAMPLES_A_ROUTE,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
            case.body["model"] = MODEL  # else every answer is that there is no such model
        response = case.call(timeout=TIMEOUT_SECONDS)
        # 503 is the documented answer of a server that cannot serve now
        assert response.status_code < 500 or response.status_code == 503, response.text

    ask()
