"""Read a composed PEFT folder, trusting nothing: what is not plain, whole, finite LoRA is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from server.engine.adapter_config import PREFIX, module_of, read_config
from server.engine.types import BadAdapter


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
    config = read_config(path)
    rank = config.get("r")
    if not isinstance(rank, int) or rank < 1:
        raise BadAdapter(f"{path}/adapter_config.json: the rank r is {rank!r}")
    tensors = _read_tensors(path / "adapter_model.safetensors")
    scale = float(config.get("lora_alpha", rank)) / (rank**0.5 if config.get("use_rslora") else rank)
    factors = {}
    for name in sorted({module_of(path, name) for name in tensors}):
        a = tensors.get(f"{PREFIX}{name}.lora_A.weight")
        b = tensors.get(f"{PREFIX}{name}.lora_B.weight")
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
