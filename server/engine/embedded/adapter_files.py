"""Read a composed PEFT folder, trusting nothing: what is not plain, whole, finite LoRA is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from server.engine.types import BadAdapter

_PREFIX = "base_model.model."
_REFUSED = (
    "use_dora",
    "fan_in_fan_out",
    "lora_bias",
    "rank_pattern",
    "alpha_pattern",
    "modules_to_save",
    "layer_replication",
    "trainable_token_indices",
    "target_parameters",
)
_PLAIN_INITS = (True, False, None, "gaussian", "eva", "orthogonal")


@dataclass(frozen=True, slots=True)
class Adapter:
    """The factors of one version, by module path, ready to add: y += x Aᵀ Bᵀ."""

    rank: int
    factors: dict[str, tuple[Tensor, Tensor]]
    """Module path → A (rank, in), B (out, rank) with the scale folded in; float32."""


def read_adapter(path: Path, shapes: Mapping[str, tuple[int, int]]) -> Adapter:
    """The adapter of a folder, for a base whose linear layers have these (out, in) shapes.

    Raises BadAdapter. Not covered: DoRA, biases, per-layer ranks, trained embeddings.
    """
    config = _read_config(path)
    rank = config.get("r")
    if not isinstance(rank, int) or rank < 1:
        raise BadAdapter(f"{path}/adapter_config.json: the rank r is {rank!r}")
    tensors = _read_tensors(path / "adapter_model.safetensors")
    scale = float(config.get("lora_alpha", rank)) / (rank**0.5 if config.get("use_rslora") else rank)
    factors = {}
    for name in sorted({_module(path, name) for name in tensors}):
        a = tensors.get(f"{_PREFIX}{name}.lora_A.weight")
        b = tensors.get(f"{_PREFIX}{name}.lora_B.weight")
        if a is None or b is None:
            raise BadAdapter(f"{path}: {name} has only one of its two factors; the file is not whole")
        if name not in shapes:
            raise BadAdapter(
                f"{path}: the base model has no linear layer {name}; made for another base model"
            )
        out_features, in_features = shapes[name]
        wanted = ((rank, in_features), (out_features, rank))
        if (tuple(a.shape), tuple(b.shape)) != wanted:
            raise BadAdapter(
                f"{path}: {name} has factors {tuple(a.shape)} and {tuple(b.shape)} where the base needs "
                f"{wanted[0]} and {wanted[1]}; made for another base model"
            )
        factors[name] = (a.float(), b.float() * scale)
    if not factors:
        raise BadAdapter(f"{path}/adapter_model.safetensors holds no LoRA factors")
    return Adapter(rank, factors)


def _read_config(path: Path) -> dict[str, Any]:
    file = path / "adapter_config.json"
    try:
        config = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise BadAdapter(f"{path} is not a composed adapter folder: {error}") from error
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise BadAdapter(f"{file}: peft_type must be LORA")
    for key in _REFUSED:
        if config.get(key):
            raise BadAdapter(f"{file}: {key} is set; only plain LoRA can be served")
    if config.get("bias", "none") != "none" or config.get("init_lora_weights", True) not in _PLAIN_INITS:
        raise BadAdapter(f"{file}: trained biases and changed base weights cannot be served")
    return config


def _read_tensors(file: Path) -> dict[str, Tensor]:
    try:
        with safe_open(file, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError) as error:
        raise BadAdapter(f"{file} cannot be read ({error}); compose the adapter again") from error
    for name, tensor in tensors.items():
        if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
            raise BadAdapter(f"{file}: {name} holds values that are not finite numbers")
    return tensors


def _module(path: Path, name: str) -> str:
    stem, _, factor = name.removeprefix(_PREFIX).rpartition(".lora_")
    if not name.startswith(_PREFIX) or factor not in ("A.weight", "B.weight"):
        raise BadAdapter(
            f"{path}: unexpected tensor {name}; only LoRA factors of linear layers can be served"
        )
    return stem
