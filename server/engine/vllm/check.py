"""Is an adapter one that every replica can load? Asked before any of them is told to.

Reads headers and numbers with numpy; torch stays out of a server whose engine is elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from server.engine.adapter_config import PREFIX, module_of, read_config
from server.engine.types import BadAdapter, EngineError

Shapes = Mapping[str, tuple[int, int]]
"""Module path → (out, in) of a base model's linear layers."""
MODULES = frozenset({"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"})
"""The layers of Llama and its kin that vLLM can graft on."""


def linear_shapes(model_dir: Path) -> dict[str, tuple[int, int]]:
    """The layers that an adapter may graft on, from the headers of the base model's files.

    Raises EngineError when they cannot be read.
    """
    shapes = {}
    try:
        for file in sorted(model_dir.glob("*.safetensors")):
            with safe_open(file, framework="numpy") as opened:
                for name in opened.keys():  # noqa: SIM118 (not a mapping)
                    module, _, kind = name.rpartition(".")
                    if kind == "weight" and module.rpartition(".")[2] in MODULES:
                        rows, columns = opened.get_slice(name).get_shape()
                        shapes[module] = (rows, columns)
    except (OSError, SafetensorError, ValueError) as error:
        raise EngineError(f"{model_dir} cannot be read ({error}): download or convert it again") from error
    return shapes


def check_adapter(path: Path, shapes: Shapes, max_rank: int) -> None:
    """Raise BadAdapter, with the reason, unless this is whole, plain, finite LoRA for this base."""
    config = read_config(path)
    rank = config.get("r")
    if not isinstance(rank, int) or not 1 <= rank <= max_rank:
        raise BadAdapter(f"{path}/adapter_config.json: the rank r is {rank!r}; served are 1 to {max_rank}")
    found: dict[str, set[str]] = {}
    file = path / "adapter_model.safetensors"
    try:
        with safe_open(file, framework="numpy") as opened:
            for name in opened.keys():  # noqa: SIM118 (not a mapping)
                module = module_of(path, name)
                found.setdefault(module, set()).add(name)
                _check_factor(path, module, name, opened.get_tensor(name), rank, shapes)
    except (OSError, SafetensorError, TypeError) as error:
        raise BadAdapter(f"{file} cannot be read ({error}); compose the adapter again") from error
    if not found:
        raise BadAdapter(f"{file} holds no LoRA factors")
    for module, names in found.items():
        if len(names) != 2:
            raise BadAdapter(f"{path}: {module} has only one of its two factors; the file is not whole")


def write_zeros(folder: Path, layer: tuple[str, tuple[int, int]]) -> None:
    """An adapter that changes nothing: zeros of rank 1 on one (module, shape)."""
    module, (rows, columns) = layer
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{PREFIX}{module}.lora_"
    factors = {f"{name}A.weight": np.zeros((1, columns), np.float32)}
    factors[f"{name}B.weight"] = np.zeros((rows, 1), np.float32)
    save_file(factors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": [module.rpartition(".")[2]]}
    (folder / "adapter_config.json").write_text(json.dumps(config))


def _check_factor(
    path: Path,
    module: str,
    name: str,
    factor: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
    rank: int,
    shapes: Shapes,
) -> None:
    if module not in shapes:
        supported = ", ".join(sorted(MODULES))
        raise BadAdapter(
            f"{path}: the base model has no linear layer {module} that can be served (of {supported}); "
            "made for another base model"
        )
    rows, columns = shapes[module]
    wanted = (rank, columns) if name == f"{PREFIX}{module}.lora_A.weight" else (rows, rank)
    if factor.shape != wanted:
        raise BadAdapter(
            f"{path}: {name} is {factor.shape} where the base needs {wanted}; made for another base model"
        )
    if not np.issubdtype(factor.dtype, np.floating) or not bool(np.isfinite(factor).all()):
        raise BadAdapter(f"{path}: {name} holds values that are not finite numbers")
