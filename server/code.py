"""Which code runs: its version, and a digest of its files, so that what it made can name it."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("adapter_store", "guardian", "server")


@cache
def code_version() -> str:
    """The release's number; '0' where the code runs without having been installed."""
    try:
        return version("livegraft")
    except PackageNotFoundError:
        return "0"


@cache
def code_digest() -> str:
    """sha256 over the paths and the bytes of all Python files of the three packages."""
    top = Path(__file__).parents[1]
    files = sorted(path for name in PACKAGES for path in (top / name).rglob("*.py"))
    digest = hashlib.sha256()
    for path in files:
        told = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{told}  {path.relative_to(top).as_posix()}\n".encode())
    return digest.hexdigest()
