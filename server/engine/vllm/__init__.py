"""The vllm engine: one or many `vllm serve` processes behind the engine protocol, over HTTP."""

from server.engine.vllm.engine import VllmEngine
from server.engine.vllm.options import VllmOptions

__all__ = ["VllmEngine", "VllmOptions"]
