"""Stack deltas to one LoRA that peft and vLLM load as it is.

A is stacked by rows, B by columns with each delta's scale folded in, so B·A = Σ (alphaᵢ/rankᵢ)·Bᵢ·Aᵢ. Modules
that fewer deltas touch are padded with zeros to one rank; lora_alpha equals the rank, so the adapter's own
scale is 1. Bytes depend on the deltas alone. Not covered: lower precision on disk (factors stay float32),
DoRA, bias and embedding adapters.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np

from adapter_store.delta import canonical_tensors
from adapter_store.errors import IncompatibleDelta
from adapter_store.types import Array, Delta, Manifest

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


def rank_of(manifests: Iterable[Manifest]) -> int:
    """Rank of the stack: the largest sum of ranks that meet in one module, 0 for no deltas."""
    totals: dict[str, int] = {}
    for manifest in manifests:
        for module in manifest.modules:
            totals[module] = totals.get(module, 0) + manifest.rank
    return max(totals.values(), default=0)


def stack(deltas: Sequence[Delta]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Factors of the one LoRA equal to the sum: module → (r, in) and module → (out, r), float32."""
    rank = rank_of(delta.manifest for delta in deltas)
    stacked_a: dict[str, Array] = {}
    stacked_b: dict[str, Array] = {}
    for module in sorted({module for delta in deltas for module in delta.manifest.modules}):
        parts = [delta for delta in deltas if module in delta.a]
        _check_shapes(module, parts)
        a = np.zeros((rank, parts[0].a[module].shape[1]), np.float32)
        b = np.zeros((parts[0].b[module].shape[0], rank), np.float32)
        row = 0
        for delta in parts:
            size = delta.manifest.rank
            a[row : row + size] = delta.a[module]
            b[:, row : row + size] = delta.b[module] * np.float32(delta.manifest.alpha / size)
            row += size
        stacked_a[module], stacked_b[module] = a, b
    return stacked_a, stacked_b


def _check_shapes(module: str, parts: Sequence[Delta]) -> None:
    shapes = {(part.b[module].shape[0], part.a[module].shape[1]) for part in parts}
    if len(shapes) > 1:
        raise IncompatibleDelta(f"Deltas disagree about the size of {module}: {sorted(shapes)} (out, in).")


def folder_files(deltas: Sequence[Delta]) -> dict[str, bytes]:
    """The files of the composed PEFT folder by name. Needs at least one delta, all on one base."""
    assert deltas, "a version without deltas has no folder"
    a, b = stack(deltas)
    rank = rank_of(delta.manifest for delta in deltas)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": deltas[-1].manifest.base_model,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "r": rank,
        # full names, which peft matches exactly: suffixes would also catch layers that no delta touches
        "target_modules": sorted(a),
        "use_dora": False,
        "use_rslora": False,
    }
    weights = {f"base_model.model.{module}.lora_A.weight": value for module, value in a.items()}
    weights |= {f"base_model.model.{module}.lora_B.weight": value for module, value in b.items()}
    return {
        CONFIG: (json.dumps(config, indent=2, sort_keys=True) + "\n").encode(),
        WEIGHTS: canonical_tensors(weights),
    }
