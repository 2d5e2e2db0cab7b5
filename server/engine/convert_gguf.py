"""Unpack a GGUF file into a Hugging Face folder with plain bfloat16 weights. Run as a program: FILE FOLDER.

A process of its own, because unpacking needs a gigabyte that the server should not keep.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def convert(source: Path, target: Path) -> None:
    """Write config, weights, tokenizer and chat template of `source` into the folder `target`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging as transformers_logging

    quiet: Any = transformers_logging
    quiet.disable_progress_bar()
    quiet.set_verbosity_error()
    torch.set_num_threads(1)
    tokenizer: Any = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    dequantize: Any = GgufConfig
    packed: Any = AutoModelForCausalLM.from_pretrained(
        source.parent,
        gguf_file=source.name,
        dtype=torch.bfloat16,
        quantization_config=dequantize(dequantize=True),
    )
    # a model that came from packed weights refuses to be saved: give its weights to a fresh one
    config = packed.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    with torch.device("meta"):
        plain: Any = type(packed)(config)
    plain.load_state_dict(packed.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = packed.generation_config
    plain.save_pretrained(target)
    tokenizer.save_pretrained(target)
    for name in ("config.json", "generation_config.json"):
        _forget_maker(target / name)


def _forget_maker(file: Path) -> None:
    """Drop what differs from one release of transformers to the next: the folder's digest must not."""
    settings = json.loads(file.read_text())
    for key in ("transformers_version", "_model_name_or_path"):
        settings.pop(key, None)
    file.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
