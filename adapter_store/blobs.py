"""A folder of files named by the SHA-256 of their bytes: `blobs/sha256/ab/<sha256><suffix>`.

A blob is either whole under its name or absent: bytes go to a temporary file, are fsynced, renamed, and the
folder is fsynced. Every read is verified. Not covered: a disk that lies about fsync, and network file systems
whose rename is not atomic.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from adapter_store.errors import CorruptBlob, StoreError, StoreFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def sha256(data: bytes) -> str:
    """Hex digest: the name of these bytes."""
    return hashlib.sha256(data).hexdigest()


def fsync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, root: Path) -> None:
    """Make a folder below `root`, durably, with its parents."""
    if folder.is_dir():
        return
    if folder != root:
        make_folder(folder.parent, root)
    folder.mkdir(exist_ok=True)
    fsync_folder(folder.parent)


def write_atomically(path: Path, data: bytes, scratch: Path) -> None:
    """Put `data` at `path` so that a reader sees all of it or none, whatever dies in between.

    `scratch` is a folder on the same file system. Raises StoreFull when the disk is full and StoreError when
    it cannot be written; the temporary file is removed either way.
    """
    temporary: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(dir=scratch, prefix="part-")
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private; an engine may run as another user of the same machine
        temporary.chmod(0o644)
        temporary.replace(path)
        fsync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        if error.errno in _FULL:
            raise StoreFull(
                f"The disk is full: {len(data)} bytes for {path} could not be written. Nothing was stored. "
                "Free some space and try again."
            ) from error
        raise StoreError(
            f"Could not write {path}: {error.strerror or error}. Check the folder's permissions and disk."
        ) from error


class Blobs:
    """The content-addressed folder. Safe for several processes: equal names mean equal bytes."""

    def __init__(self, root: Path, scratch: Path) -> None:
        self._root = root
        self._folder = root / "blobs" / "sha256"
        self._scratch = scratch
        make_folder(self._folder, root)

    def path(self, digest: str, suffix: str) -> Path:
        """Where a blob stands, whether or not it exists."""
        return self._folder / digest[:2] / f"{digest}{suffix}"

    def put(self, data: bytes, suffix: str) -> str:
        """Store bytes durably and return their digest. A damaged file under that name is replaced."""
        digest = sha256(data)
        path = self.path(digest, suffix)
        if self._holds(path, data):
            # a fresh time stamp keeps the sweeper's grace period away from a blob that is wanted again
            os.utime(path)
            return digest
        make_folder(path.parent, self._root)
        write_atomically(path, data, self._scratch)
        return digest

    def get(self, digest: str, suffix: str) -> bytes:
        """The verified bytes. Raises CorruptBlob when the file is missing, unreadable or changed."""
        path = self.path(digest, suffix)
        advice = "Restore it from a backup, or revoke the delta that needs it; it is not served meanwhile."
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise CorruptBlob(f"{path} is missing. {advice}") from None
        except OSError as error:
            raise CorruptBlob(f"{path} cannot be read: {error.strerror or error}. {advice}") from error
        found = sha256(data)
        if found != digest:
            raise CorruptBlob(
                f"{path} is damaged: {len(data)} bytes hash to {found[:12]}, not {digest[:12]}. {advice}"
            )
        return data

    def exists(self, digest: str, suffix: str) -> bool:
        """Whether the file is there; says nothing of its content."""
        return self.path(digest, suffix).is_file()

    def remove(self, digest: str, suffix: str) -> None:
        """Unlink a blob, durably. Missing is no error."""
        path = self.path(digest, suffix)
        if path.exists():
            path.unlink(missing_ok=True)
            fsync_folder(path.parent)

    def listed(self) -> Iterator[tuple[str, str, float]]:
        """All blobs as (digest, suffix, seconds since last put)."""
        now = time.time()
        for path in sorted(self._folder.glob("??/*")):
            with contextlib.suppress(FileNotFoundError):
                yield path.stem, path.suffix, now - path.stat().st_mtime

    @staticmethod
    def _holds(path: Path, data: bytes) -> bool:
        try:
            return path.read_bytes() == data
        except OSError:
            return False
