"""What the vllm engine is told. docs/settings.md explains each under the same name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The values that vLLM's --max-lora-rank allows."""
MAX_CPU_LORAS = 8
"""Adapters that a process started by us keeps in host memory: those in use, and some to go back to."""


def served_rank(rank: int) -> int:
    """The smallest --max-lora-rank that holds adapters of this rank, or the largest there is."""
    return next((known for known in LORA_RANKS if known >= rank), LORA_RANKS[-1])


@dataclass(frozen=True, slots=True)
class VllmOptions:
    """Where the replicas are or how they are started, and how patient to be with them."""

    run_dir: Path
    """Process records, logs and, unless said otherwise, the staged adapters."""
    urls: tuple[str, ...] = ()
    """Addresses of replicas that somebody else runs; without any, `replicas` are started by us."""
    executable: str = "vllm"
    replicas: int = 1
    cache_bytes: int = 0
    """What a process started by us keeps for its cache; 0 leaves it to vLLM."""
    arguments: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    """CUDA_VISIBLE_DEVICES of each replica started by us; empty: all see all."""
    api_key: str = ""
    adapters_dir: Path | None = None
    adapters_dir_seen_as: str = ""
    """The same folder as the replicas see it, '' when they see it under the same path."""
    max_lora_rank: int = 64
    max_loras: int = 3
    base_as_adapter: bool = False
    """Whether the base is asked through an adapter of zeros: vLLM's CPU build adds whatever lies in its last
    slot to requests for the base that share a batch with adapters (vllm-project/vllm#48421)."""
    max_batch: int = 32
    """Answers generated at the same time by each replica."""
    max_model_len: int = 2048
    probe_seconds: float = 2.0
    stall_seconds: float = 60.0
    """How long a replica may say nothing, asked for anything, before it counts as hung."""
    start_seconds: float = 900.0
    patience_seconds: float = 30.0
    """How long a request that has not begun waits for a replica to come back."""

    @property
    def staging(self) -> Path:
        """Where adapters lie for the replicas."""
        return (self.adapters_dir or self.run_dir / "adapters").resolve()

    @property
    def served_rank(self) -> int:
        """The rank that processes started by us are told: the smallest that vLLM allows and holds ours."""
        return served_rank(self.max_lora_rank)
