"""Composed PEFT folders, `composed/<name>-<sha12>/`: made from deltas, so they may be deleted at any time.

Beside peft's two files stands `composed.json`, written last: it names the deltas and the hash of each file.
A folder without it, or whose files do not match it, is made again. Files are replaced one by one by rename,
so a file that an engine is reading is never half there. Not covered: somebody with write access who changes
a file and the record together.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adapter_store.blobs import make_folder, sha256, write_atomically
from adapter_store.delta import canonical_json
from adapter_store.types import Version

RECORD = "composed.json"


class Cache:
    """The folder of composed folders."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self._root = root
        self._folder = root / "composed"
        self._scratch = scratch
        make_folder(self._folder, root)

    def path(self, version: Version, digest: str) -> Path:
        """Where the version's composed folder stands, whether or not it exists."""
        return self._folder / f"{version.name}-{digest[:12]}"

    def intact(self, folder: Path, digest: str) -> bool:
        """Whether the folder was finished for this version digest and every file still hashes as recorded."""
        record = read_record(folder)
        if record is None or record.get("digest") != digest:
            return False
        if hash_files(folder, record["files"]) != record["files"]:
            return False
        os.utime(folder)  # the sweeper keeps what was used lately
        return True

    def write(self, folder: Path, version: Version, digest: str, files: Mapping[str, bytes]) -> None:
        """Fill the folder, the record last. Raises StoreFull or StoreError."""
        make_folder(folder, self._root)
        (folder / RECORD).unlink(missing_ok=True)
        for name, data in files.items():
            write_atomically(folder / name, data, self._scratch)
        record = {
            "digest": digest,
            "deltas": list(version.deltas),
            "files": {name: sha256(data) for name, data in files.items()},
        }
        sealed = {"record": record, "sha256": sha256(canonical_json(record))}
        write_atomically(folder / RECORD, canonical_json(sealed), self._scratch)

    def folders(self) -> Iterator[tuple[Path, str, float]]:
        """All composed folders as (path, version name, seconds since last use)."""
        now = time.time()
        for path in sorted(self._folder.glob("*")):  # nothing where the whole folder was deleted
            if path.is_dir():
                yield path, path.name.rpartition("-")[0], now - path.stat().st_mtime

    def remove(self, folder: Path) -> None:
        """Delete a composed folder, record first, so that a half-deleted one is never taken for whole."""
        (folder / RECORD).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def read_record(folder: Path) -> dict[str, Any] | None:
    """The folder's own account ({digest, deltas, files}), None when it is missing or damaged."""
    try:
        sealed = json.loads((folder / RECORD).read_bytes())
        record: dict[str, Any] = sealed["record"]
        return record if sha256(canonical_json(record)) == sealed["sha256"] else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def hash_files(folder: Path, names: Mapping[str, str]) -> dict[str, str]:
    """sha256 per file, computed now; a missing file is left out."""
    return {name: sha256((folder / name).read_bytes()) for name in sorted(names) if (folder / name).is_file()}
