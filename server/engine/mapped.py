"""A causal language model whose base weights are pages of its file: every process that maps it shares them.

An engine and a learner on one machine must not hold the base twice. transformers 5 leaves the parameters as
views of the memory-mapped safetensors file as long as neither dtype nor device changes, so on CPU the kernel
keeps one copy in its page cache for all processes; the tests watch that this stays so. On a GPU there is
nothing to map and each process has its copy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.engine.types import EngineError


class BadModelFolder(EngineError):
    """A model folder cannot be loaded."""


def load_mapped(model_dir: Path, device: str = "cpu") -> tuple[Any, Any]:
    """The model of a Hugging Face folder and its tokenizer, frozen and in eval mode, in the file's own dtype.

    On CPU the parameters must never be written in place: their pages are the file. Raises BadModelFolder
    naming what is wrong and what to do. Not covered: quantised folders; old `.bin` folders load but are not
    shared.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as transformers_logging

    if not (model_dir / "config.json").is_file():
        raise BadModelFolder(f"{model_dir} has no config.json: give a Hugging Face model folder")
    quiet: Any = transformers_logging
    quiet.disable_progress_bar()
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(model_dir)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            model_dir, dtype="auto", output_loading_info=True, local_files_only=True
        )
    except (SafetensorError, OSError, ValueError) as error:
        raise BadModelFolder(
            f"{model_dir} cannot be loaded ({error}): download or convert it again"
        ) from error
    model, info = loaded
    missing = sorted(info["missing_keys"])
    if missing:
        raise BadModelFolder(
            f"{model_dir} lacks {len(missing)} weights, the first is {missing[0]}: "
            "the download or conversion is not whole, make the folder again"
        )
    model.requires_grad_(False)
    return model.to(device).eval(), tokenizer
