"""What the vllm engine is told of the settings, and what the metrics tell of its replicas."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from server.api.metrics import Metrics
from server.config import Settings
from server.engine.types import EngineError
from server.engine.vllm import VllmEngine, VllmOptions
from server.engine.vllm.replica import Replica


def vllm_options(settings: Settings, cache_bytes: int = 0) -> VllmOptions:
    """What the vllm engine is told of the settings. Raises EngineError when the key's variable is not set."""
    asked = settings.vllm
    key = os.environ.get(asked.key_env, "") if asked.key_env else ""
    if asked.key_env and not key:
        raise EngineError(f"vllm.key_env names {asked.key_env}, and that variable is not set")
    return VllmOptions(
        run_dir=settings.home.resolve() / "vllm",
        urls=asked.urls,
        executable=asked.executable,
        replicas=asked.replicas,
        cache_bytes=cache_bytes,
        arguments=asked.arguments,
        devices=asked.devices,
        # Processes of our own get a key that nobody else has: whoever reaches them could load adapters.
        api_key=key if asked.urls else secrets.token_hex(16),
        adapters_dir=Path(asked.adapters_dir) if asked.adapters_dir else None,
        adapters_dir_seen_as=asked.adapters_dir_seen_as,
        max_lora_rank=settings.learning.max_rank,
        max_loras=asked.max_loras,
        base_as_adapter=asked.base_as_adapter,
        max_batch=settings.engine.max_batch,
        max_model_len=settings.engine.max_model_len,
        probe_seconds=asked.probe_seconds,
        stall_seconds=asked.stall_seconds,
        start_seconds=asked.start_seconds,
        patience_seconds=asked.patience_seconds,
    )


def show_replicas(engine: VllmEngine, shown: Metrics) -> None:
    """Have the metrics tell of each replica."""
    shown.engine_retries.set_function(lambda: engine.retries)
    for replica in engine.replicas:
        _show_replica(replica, shown)


def _show_replica(replica: Replica, shown: Metrics) -> None:
    name = replica.name
    shown.replica_ready.labels(name).set_function(lambda: float(replica.state == "ready"))
    shown.replica_running.labels(name).set_function(lambda: float(replica.running))
    shown.replica_restarts.labels(name).set_function(lambda: float(replica.restarts))
    shown.replica_adapters_lost.labels(name).set_function(lambda: float(replica.adapters_lost))
