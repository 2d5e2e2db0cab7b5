"""A head start for a known base model: where its first delta begins.

The costly half of teaching a fact without harm is to teach that nothing else follows from it: that the model
does not know what it was not told. That half is the same for every fact, so it is trained once per model on
made-up private questions (`scripts/train_primer.py`), shipped, and the first delta on that base starts from
it. Deltas on a parent start from zero: the parent carries it already. A model without a primer learns both
at once.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

FOLDER = Path(__file__).parent / "primers"


def key(model: Any) -> str:
    """Names a base model by its shapes and a sample of its weights, whatever folder it came from."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        if ".lora_" in name:
            continue
        flat = parameter.detach().reshape(-1)
        sample = flat[:: max(1, flat.numel() // 64)].to("cpu", torch.float32)
        digest.update(f"{name.replace('.base_layer', '')} {tuple(parameter.shape)}".encode())
        digest.update(sample.numpy().tobytes())
    return digest.hexdigest()[:16]


def load(model: Any, folder: Path = FOLDER) -> dict[str, torch.Tensor] | None:
    """`<module path>.A` and `.B` of the model's primer; None when there is none."""
    file = folder / f"{key(model)}.safetensors"
    if not file.is_file():
        return None
    with safe_open(file, framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a dict)
