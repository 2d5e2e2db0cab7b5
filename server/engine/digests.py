"""The identity of a model folder: one sha256 over the files that decide what it says.

Hashing gigabytes at every start would be slow, so a digest is kept beside sizes and modification times of the
files it was computed from, and computed again when any of them differs.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

_PATTERNS = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")
_LATER = {"README.txt", "LICENSE.txt"}
MANIFEST = "livegraft-model.json"
"""Written into folders that this program made; not part of their identity."""


def identity_files(path: Path) -> list[Path]:
    """The files that decide what a model says, sorted by name."""
    found = {file for pattern in _PATTERNS for file in path.glob(pattern)}
    return sorted(f for f in found if f.name not in _LATER and f.name != MANIFEST)


def file_sha256(file: Path) -> str:
    """Hex digest of a file's bytes."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def combine(hashes: dict[str, str]) -> str:
    """One digest over file names and their digests."""
    return hashlib.sha256(json.dumps(sorted(hashes.items())).encode()).hexdigest()


class DigestCache:
    """Digests of model folders, remembered in `home/models/digests.json`. A damaged cache is made anew."""

    def __init__(self, home: Path) -> None:
        self._file = home / "models" / "digests.json"

    def digest(self, path: Path) -> str:
        """sha256 over a folder's configuration, weights and tokenizer."""
        stamp = [[f.name, f.stat().st_size, f.stat().st_mtime_ns] for f in identity_files(path)]
        known = self._read()
        entry = known.get(str(path))
        if isinstance(entry, dict) and entry.get("stamp") == stamp:
            return str(entry["digest"])
        digest = combine({f.name: file_sha256(f) for f in identity_files(path)})
        known[str(path)] = {"stamp": stamp, "digest": digest}
        self._write(known)
        return digest

    def _read(self) -> dict[str, object]:
        try:
            known = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def _write(self, known: dict[str, object]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(known, indent=1))
        temporary.replace(self._file)
