"""What every engine asks of a composed PEFT folder before its numbers: plain LoRA, nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from server.engine.types import BadAdapter

PREFIX = "base_model.model."
"""What peft puts before the name of a module."""
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


def read_config(path: Path) -> dict[str, Any]:
    """The adapter's configuration. Raises BadAdapter unless it is plain LoRA."""
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


def module_of(path: Path, name: str) -> str:
    """The linear layer that a tensor is a factor of. Raises BadAdapter for any other tensor."""
    stem, _, factor = name.removeprefix(PREFIX).rpartition(".lora_")
    if not name.startswith(PREFIX) or factor not in ("A.weight", "B.weight"):
        raise BadAdapter(
            f"{path}: unexpected tensor {name}; only LoRA factors of linear layers can be served"
        )
    return stem
