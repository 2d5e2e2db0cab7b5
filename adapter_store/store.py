"""The store: put deltas in, get verified deltas and composed adapter folders out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from adapter_store import compose, delta
from adapter_store.blobs import Blobs, make_folder, sha256
from adapter_store.cache import Cache, hash_files, read_record
from adapter_store.errors import (
    CorruptBlob,
    EmptyVersion,
    IncompatibleDelta,
    StoreError,
    UnknownDelta,
)
from adapter_store.types import Delta, Manifest, Version

_ID = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Store:
    """Deltas by content, and versions composed of them, below one folder.

    Any number of processes and threads may use one folder. Not covered: secure wiping of deleted bytes,
    object storage, and file systems without flock.
    """

    def __init__(self, root: Path) -> None:
        """Open the store, making its folders. Raises StoreError when they cannot be made."""
        self.root = Path(root)
        self._scratch = self.root / "tmp"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            make_folder(self._scratch, self.root)
            self._blobs = Blobs(self.root, self._scratch)
            self._cache = Cache(self.root, self._scratch)
        except OSError as error:
            raise StoreError(f"Cannot make the store at {self.root}: {error.strerror or error}.") from error

    def put(self, new: Delta) -> str:
        """Store a delta durably and return its id: sha256 over its canonical manifest, factors included.

        Raises IncompatibleDelta when the delta contradicts itself, StoreFull when the disk is full.
        """
        with self._locked(exclusive=False):
            return delta.put(self._blobs, new)

    def get(self, delta_id: str) -> Delta:
        """The delta, every byte verified. Raises UnknownDelta or CorruptBlob."""
        self._require(delta_id)
        return delta.get(self._blobs, delta_id)

    def manifest(self, delta_id: str) -> Manifest:
        """Rank, modules and provenance without the numbers. Raises UnknownDelta or CorruptBlob."""
        self._require(delta_id)
        return delta.read_manifest(self._blobs, delta_id)[0]

    def verify(self, delta_id: str) -> None:
        """Read every byte of a delta; raises UnknownDelta or CorruptBlob."""
        self.get(delta_id)

    def deltas(self) -> list[str]:
        """Ids of all deltas whose manifest is in the store, sorted."""
        return [digest for digest, suffix, _ in self._blobs.listed() if suffix == delta.MANIFEST]

    def digest(self, version: Version) -> str:
        """sha256 over the base digest and the delta ids in order. The name plays no part in it."""
        return sha256(delta.canonical_json([version.base_digest, *version.deltas]))

    def rank(self, version: Version) -> int:
        """Rank of the composed adapter, 0 for the base."""
        return compose.rank_of(self.manifest(delta_id) for delta_id in version.deltas)

    def compose(self, version: Version) -> Path:
        """The version as a plain PEFT folder, verified, and made (again) when missing or damaged.

        Raises EmptyVersion for the base, UnknownDelta, CorruptBlob, IncompatibleDelta or StoreFull.
        """
        if not version.deltas:
            raise EmptyVersion(
                f"{version.name} has no deltas: it is the base model and needs no adapter folder."
            )
        if not _NAME.fullmatch(version.name):
            raise StoreError(
                f"{version.name!r} cannot name a folder; use letters, digits, dot, dash, underscore."
            )
        digest = self.digest(version)
        folder = self._cache.path(version, digest)
        with self._locked(exclusive=False):
            if not self._cache.intact(folder, digest):
                parts = [self._fitting(delta_id, version.base_digest) for delta_id in version.deltas]
                self._cache.write(folder, version, digest, compose.folder_files(parts))
        return folder

    def files(self, version: Version) -> dict[str, str]:
        """sha256 of each file that an engine loads for this version, read now; {} for the base."""
        if not version.deltas:
            return {}
        names = (compose.CONFIG, compose.WEIGHTS)
        return hash_files(self.compose(version), dict.fromkeys(names, ""))

    def sweep(self, referenced: Collection[str], grace_seconds: float) -> list[str]:
        """Delete what nobody needs and return its paths below the store's folder.

        `referenced` holds the ids of deltas and the names of versions that must stay. Anything younger than
        `grace_seconds` stays too: a delta is stored before the row that names it is committed.
        """
        removed: list[str] = []
        with self._locked(exclusive=True):
            needed = self._needed(referenced)
            for digest, suffix, age_seconds in list(self._blobs.listed()):
                if age_seconds > grace_seconds and not needed(digest, suffix):
                    self._blobs.remove(digest, suffix)
                    removed.append(str(self._blobs.path(digest, suffix).relative_to(self.root)))
            for folder, name, age_seconds in list(self._cache.folders()):
                if name not in referenced and age_seconds > grace_seconds:
                    self._cache.remove(folder)
                    removed.append(str(folder.relative_to(self.root)))
            for path in self._scratch.iterdir():
                if time.time() - path.stat().st_mtime > grace_seconds:
                    path.unlink(missing_ok=True)
                    removed.append(str(path.relative_to(self.root)))
        return removed

    def delete(self, delta_id: str) -> None:
        """Erase a delta and every composed folder that holds it. Missing is no error.

        The bytes are unlinked, not overwritten.
        """
        if not _ID.fullmatch(delta_id):
            return
        with self._locked(exclusive=True):
            for folder, _, _ in list(self._cache.folders()):
                record = read_record(folder)
                if record is None or delta_id in record.get("deltas", ()):
                    self._cache.remove(folder)
            if not self._blobs.exists(delta_id, delta.MANIFEST):
                return
            factors = self._factors_of(delta_id)
            others = {self._factors_of(other) for other in self.deltas() if other != delta_id}
            # the manifest last: killed in between, the next call still knows which numbers they were
            if factors and factors not in others:  # other provenance may name the same numbers
                self._blobs.remove(factors, delta.FACTORS)
            self._blobs.remove(delta_id, delta.MANIFEST)

    def _require(self, delta_id: str) -> None:
        if not _ID.fullmatch(delta_id) or not self._blobs.exists(delta_id, delta.MANIFEST):
            raise UnknownDelta(
                f"No delta {delta_id[:80]!r} is in {self.root}. It was deleted, or the store was moved."
            )

    def _fitting(self, delta_id: str, base_digest: str) -> Delta:
        part = self.get(delta_id)
        if part.manifest.base_digest != base_digest:
            raise IncompatibleDelta(
                f"Delta {delta_id[:12]} was trained on base {part.manifest.base_digest[:12]}, "
                f"not on {base_digest[:12]}. Serve the base that it was trained on, or leave the delta out."
            )
        return part

    def _factors_of(self, delta_id: str) -> str | None:
        """Digest of a delta's factors; None when its manifest cannot be read."""
        try:
            return delta.read_manifest(self._blobs, delta_id)[1]
        except CorruptBlob:
            return None

    def _needed(self, referenced: Collection[str]) -> Callable[[str, str], bool]:
        """Tells which blobs the referenced deltas need."""
        ids = filter(_ID.fullmatch, referenced)
        wanted = {delta_id for delta_id in ids if self._blobs.exists(delta_id, delta.MANIFEST)}
        factors = {self._factors_of(delta_id) for delta_id in wanted}

        def needed(digest: str, suffix: str) -> bool:
            if suffix == delta.MANIFEST:
                return digest in wanted
            # an unreadable manifest may have named any factors: keep all, they may be all that is left
            return suffix == delta.FACTORS and (digest in factors or None in factors)

        return needed

    @contextlib.contextmanager
    def _locked(self, exclusive: bool) -> Iterator[None]:
        """Writers share, sweepers exclude: a sweep never sees a delta whose manifest is about to come."""
        descriptor = os.open(self.root / "store.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)
