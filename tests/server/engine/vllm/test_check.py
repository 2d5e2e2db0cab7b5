"""What no replica is told to load: all but whole, plain, finite LoRA of a served rank for this base."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from server.engine.types import BadAdapter, EngineError
from server.engine.vllm.check import check_adapter, linear_shapes, write_zeros

LAYER = "base_model.model.model.layers.0.self_attn.q_proj.lora_"
Damage = Callable[[Path], None]


def with_config(**changes: object) -> Damage:
    def damage(path: Path) -> None:
        file = path / "adapter_config.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))

    return damage


def with_tensors(**changes: torch.Tensor | None) -> Damage:
    """Names as `layer/factor`; None takes one away."""

    def damage(path: Path) -> None:
        tensors = load_file(path / "adapter_model.safetensors")
        for name, value in changes.items():
            full = f"base_model.model.{name}.weight" if "." in name else f"{LAYER}{name}.weight"
            if value is None:
                del tensors[full]
            else:
                tensors[full] = value
        save_file(tensors, path / "adapter_model.safetensors")

    return damage


def truncated(path: Path) -> None:
    file = path / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (shutil.rmtree, "not a composed adapter folder"),
        (truncated, "cannot be read"),
        (with_config(r=16), "the rank r is 16; served are 1 to 8"),
        (with_config(r="4"), "the rank r is '4'"),
        (with_config(use_dora=True), "use_dora"),
        (with_config(modules_to_save=["lm_head"]), "modules_to_save"),
        (with_config(init_lora_weights="pissa"), "base weights"),
        (with_tensors(B=None), "only one of its two factors"),
        (with_tensors(A=torch.zeros(4, 31)), "another base model"),
        (with_tensors(A=torch.full((4, 32), float("inf"))), "finite"),
        (with_tensors(A=torch.zeros(4, 32, dtype=torch.int32)), "finite"),
        (with_tensors(**{"lm_head.lora_A": torch.zeros(4, 32)}), "no linear layer lm_head"),
        (with_tensors(**{"model.embed_tokens.lora_A": torch.zeros(4, 9)}), "no linear layer model.embed"),
        (with_tensors(**{"lm.head": torch.zeros(4)}), "unexpected tensor"),
    ],
)
def test_an_adapter_is_refused_with_what_is_wrong(
    damage: Damage, reason: str, tiny_model: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "adapter"
    shutil.copytree(adapters["v1"], path)
    shapes = linear_shapes(tiny_model)
    check_adapter(path, shapes, 8)
    damage(path)
    with pytest.raises(BadAdapter, match=reason):
        check_adapter(path, shapes, 8)


def test_the_adapter_of_zeros_is_whole(tiny_model: Path, tmp_path: Path) -> None:
    shapes = linear_shapes(tiny_model)
    write_zeros(tmp_path / "base", next(iter(shapes.items())))
    check_adapter(tmp_path / "base", shapes, 1)


def test_a_base_that_cannot_be_read_is_named(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(EngineError, match=r"base cannot be read .* download or convert it again"):
        linear_shapes(tmp_path / "base")
