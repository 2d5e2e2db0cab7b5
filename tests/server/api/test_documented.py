"""A route or metric that is not documented fails here, and so does a documented one that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from server.api.metrics import Metrics
from tests.support.http_server import Live

DOCS = Path(__file__).parents[3] / "docs"


def test_every_route_is_documented_and_every_documented_route_exists(live: Live) -> None:
    schema = live.http().get("/openapi.json").json()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in schema.items() for method in methods}
    page = (DOCS / "http.md").read_text()
    documented = set(re.findall(r"^\| `((?:GET|POST|PATCH|DELETE|PUT) [^`]+)`", page, re.MULTILINE))
    assert documented == routes


def test_every_metric_is_documented_and_every_documented_metric_exists() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    names = {f"{m.name}_total" if m.type == "counter" else m.name for m in registry.collect()}
    page = (DOCS / "metrics.md").read_text()
    assert set(re.findall(r"^\| `(livegraft_\w+)`", page, re.MULTILINE)) == names


def test_every_error_code_is_documented() -> None:
    page = (DOCS / "http.md").read_text()
    sources = "".join(path.read_text() for path in (DOCS.parent / "server" / "api").glob("*.py"))
    codes = set(re.findall(r'code="(\w+)"', sources)) | {"invalid_value", "empty_array", "request_too_large"}
    missing = {code for code in codes if f"`{code}`" not in page}
    assert not missing
