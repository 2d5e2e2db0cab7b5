"""What the guardian's tests share: one guardian under the default policy, and the data files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from guardian import Guardian, Policy

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def guardian() -> Guardian:
    """The guardian of a keyless server: everyone may teach everyone."""
    return Guardian(Policy())


@pytest.fixture(scope="session")
def lines() -> Callable[[str], list[str]]:
    """lines(name): the lines of a data file, comments left out, escapes and '~~' resolved."""

    def read(name: str) -> list[str]:
        text = (DATA / name).read_text(encoding="utf-8").splitlines()
        kept = [line.replace("~~", "") for line in text if line and not line.startswith("#")]
        return [re.sub(r"\\(?:n|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9A-Fa-f]{8})", _escape, line) for line in kept]

    return read


def _escape(match: re.Match[str]) -> str:
    return "\n" if match[0] == r"\n" else chr(int(match[0][2:], 16))
