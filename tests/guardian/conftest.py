"""What the guardian's tests share: one guardian under the default policy, and the data files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from guardian import Guardian, Policy
from scripts.benchmarks.suites import own


@pytest.fixture(scope="session")
def guardian() -> Guardian:
    """The guardian of a keyless server: everyone may teach everyone."""
    return Guardian(Policy())


@pytest.fixture(scope="session")
def lines() -> Callable[[str], list[str]]:
    """lines(name): the lines of a data file, comments left out, escapes and '~~' resolved."""

    return own.lines
