"""The store's words: deltas and versions are immutable and named by their content."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a delta is, without its numbers. Stored beside the factors, hashed with them."""

    base_digest: str
    """sha256 over the base model's files; a delta fits no other base."""
    base_model: str
    """Name or path of the base, for adapter_config.json."""
    rank: int
    alpha: float
    modules: tuple[str, ...]
    """Module paths in the base model, e.g. `model.layers.3.self_attn.q_proj`, sorted."""
    provenance: dict[str, object] = field(default_factory=dict)
    """Parent version, edits, turns, seed, profile, code and library versions: JSON values only."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One LoRA update: ΔW = (alpha / rank) · B · A per module."""

    manifest: Manifest
    a: dict[str, Array]
    """Module path → (rank, in_features)."""
    b: dict[str, Array]
    """Module path → (out_features, rank)."""


@dataclass(frozen=True, slots=True)
class Version:
    """An ordered list of deltas on one base, served as one LoRA."""

    name: str
    base_digest: str
    deltas: tuple[str, ...]
    """Delta ids (hex sha256)."""
