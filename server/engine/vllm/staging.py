"""Adapters where the replicas read them: placed once, under names that say what is in them.

vLLM's prefix cache knows an adapter by name and path alone, so neither is ever given to other weights: the
name holds the hash of the files. The files stay until no replica lists the name, because a replica that has
to read one again and cannot dies as a whole.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from server.engine.digests import combine, file_sha256
from server.engine.types import BadAdapter

FILES = ("adapter_config.json", "adapter_model.safetensors")


@dataclass(frozen=True, slots=True)
class Staged:
    """An adapter that replicas can be told to load."""

    name: str
    path: str
    """As the replicas see it."""
    digest: str
    """sha256 over its files."""


class Staging:
    """One folder of staged adapters. `seen_as` is its path on the replicas, '' for the same."""

    def __init__(self, root: Path, seen_as: str = "") -> None:
        self._root = root
        self._seen_as = seen_as or str(root)
        self.tag = ""
        """What the names of our adapters begin with."""

    def open(self) -> None:
        """Make the folder. Its tag tells our adapters from those of others on the same replicas."""
        self._root.mkdir(parents=True, exist_ok=True)
        note = self._root / "tag"
        if not note.exists():
            note.write_text(secrets.token_hex(3))
        self.tag = f"livegraft-{note.read_text().strip()}-"

    def put(self, version: str, source: Path) -> Staged:
        """Place a composed folder, whole or not at all; what is there already and intact stays.

        Raises BadAdapter when the source cannot be read, OSError when the disk is full.
        """
        try:
            digest = _digest(source)
        except OSError as error:
            raise BadAdapter(f"{source} is not a whole adapter folder: {error}") from error
        name = f"{self.tag}{version}-{digest[:16]}"
        folder = self._root / name
        if not self._intact(folder, digest):
            shutil.rmtree(folder, ignore_errors=True)
            temporary = self._root / f"{name}.{os.getpid()}.tmp"
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            for file in FILES:
                _link(source / file, temporary / file)
            temporary.rename(folder)
        return Staged(name, f"{self._seen_as.rstrip('/')}/{name}", digest)

    def ours(self, name: str) -> bool:
        """Whether a name on a replica was given by this folder's server, now or before a restart."""
        return name.startswith(self.tag)

    def names(self) -> set[str]:
        """What lies in the folder, half-written ones included."""
        return {path.name for path in self._root.iterdir() if self.ours(path.name)}

    def there(self, name: str) -> bool:
        """Whether all files of an adapter are in their place."""
        return all((self._root / name / file).is_file() for file in FILES)

    def remove(self, name: str) -> None:
        """Delete an adapter that no replica lists any more."""
        shutil.rmtree(self._root / name, ignore_errors=True)

    @staticmethod
    def _intact(folder: Path, digest: str) -> bool:
        try:
            return _digest(folder) == digest
        except OSError:
            return False


def _digest(folder: Path) -> str:
    return combine({name: file_sha256(folder / name) for name in FILES})


def _link(source: Path, target: Path) -> None:
    """The same bytes under another name where the disk allows it, else a copy: adapters can be large."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copyfile(source, target)
