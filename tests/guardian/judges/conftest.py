"""What the judges' tests share: an endpoint on a real port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.judge_endpoint import Endpoint, judge_endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """An endpoint that says what the test has it say."""
    with judge_endpoint() as running:
        yield running
