"""Model folders that this program makes once and keeps: each appears whole or not at all.

What makes one runs in a process of its own, because it needs a gigabyte that the server should not keep. A
manifest names what the folder was made from and the hash of every file; both are checked at every start.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from server.engine.digests import MANIFEST, file_sha256, identity_files


class ConversionFailed(Exception):
    """A folder could not be made."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What makes a folder: `python -m module SOURCE TARGET`."""

    module: str
    source_sha256: str
    """Names the source; a folder made from another one is made again."""
    what: str
    """In words, for errors."""


def folder(
    target: Path,
    conversion: Conversion,
    source: Callable[[], Path],
    begins: Callable[[], None],
    progress: Callable[[str], None],
) -> Path:
    """`target`, made when it is not there whole. `source` is only looked for then; `begins` is called before.

    Raises ConversionFailed with the reason, and what `source` raises.
    """
    if target.exists():
        if _whole(target, conversion.source_sha256):
            return target
        progress(f"{target} is damaged: it is made again")
        shutil.rmtree(target)
    found = source()
    begins()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix="converting-", dir=target.parent))
    try:
        _convert(conversion, found, temporary)
        _write_manifest(temporary, conversion.source_sha256)
        try:
            temporary.rename(target)
        except OSError:
            if not _whole(target, conversion.source_sha256):
                raise  # else another process was faster, and its folder is as good
    except OSError as error:
        raise ConversionFailed(f"{conversion.what} into {target} failed ({error})") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _convert(conversion: Conversion, source: Path, target: Path) -> None:
    root = str(Path(__file__).parents[2])
    search = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", conversion.module, str(source), str(target)],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ConversionFailed(f"{conversion.what} failed ({reason})")


def _write_manifest(path: Path, source_sha256: str) -> None:
    hashes = {file.name: file_sha256(file) for file in identity_files(path)}
    (path / MANIFEST).write_text(json.dumps({"source_sha256": source_sha256, "files": hashes}, indent=1))


def _whole(path: Path, source_sha256: str) -> bool:
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        hashes = {file.name: file_sha256(file) for file in identity_files(path)}
        return bool(manifest["source_sha256"] == source_sha256 and manifest["files"] == hashes)
    except (OSError, ValueError, KeyError, TypeError):
        return False
