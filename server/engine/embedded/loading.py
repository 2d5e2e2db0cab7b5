"""Make a model folder ready to serve: weights mapped, attention ours, layers ready for grafts, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from server.engine.embedded.attention import NAME, register
from server.engine.embedded.chat import Chat
from server.engine.embedded.direct import DirectLlama
from server.engine.embedded.forward import Forward
from server.engine.embedded.grafts import Grafts
from server.engine.embedded.kvcache import KVCache, kv_bytes_per_token
from server.engine.mapped import load_mapped
from server.engine.types import EngineError
from server.types import Message

_MOST_URGENT = -5
"""Lower numbers come first; what is below the GPU's lowest is taken as that."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that has answered its first question."""

    forward: Forward
    chat: Chat
    max_model_len: int
    """What the model was made for, and one row of the cache can hold."""
    vocabulary: int
    """How many tokens the logits tell of."""

    def logit_bytes(self, tokens: list[int], key: str | None) -> bytes:
        """The float32 logits after a prompt run alone, as bytes. For the thread that owns the model."""
        logits, _ = self.forward.whole(tokens, key)
        data: bytes = logits.float().cpu().numpy().tobytes()
        return data


def load_model(model_dir: Path, model_name: str, device: str, kv_cache_bytes: int) -> Loaded:
    """Load and try a model. Raises EngineError naming what to do. In the thread that will own the model."""
    if device == "cuda":
        _take_gpu()
    model, tokenizer = load_mapped(model_dir, device)
    chat = Chat(tokenizer, model.generation_config, model_name)
    config = model.config.get_text_config()
    if not getattr(model, "_supports_attention_backend", False) or config.is_encoder_decoder:
        raise EngineError(
            f"{model_name} ({config.model_type}) cannot be served by the embedded engine: use vllm"
        )
    register()
    model.set_attn_implementation(NAME)
    cache = KVCache(kv_bytes_per_token(config, model.dtype), kv_cache_bytes)
    forward = Forward(model, Grafts(model), cache)
    tokens = chat.encode([Message("user", "Hello")])
    logits, layers = forward.whole(tokens, None)
    longest = min(int(config.max_position_embeddings), cache.budget_tokens)
    loaded = Loaded(forward, chat, longest, logits.shape[-1])
    if layers != config.num_hidden_layers or not bool(logits.isfinite().all()):
        raise EngineError(
            f"{model_name}: {layers} of {config.num_hidden_layers} layers attend in a way the embedded "
            "engine knows, or the weights are broken: use vllm for this model, or make its folder again"
        )
    if DirectLlama.fits(model):
        forward.direct = DirectLlama(model, loaded.max_model_len)
        again, _ = forward.whole(tokens, None)
        if not _same(logits, again):
            forward.direct = None
    return loaded


def _take_gpu() -> None:
    """Have this thread's work go before the learner's, as far as the GPU knows of both."""
    if not torch.cuda.is_available():
        raise EngineError(
            "engine.device = 'cuda', and torch finds no GPU: see what `nvidia-smi` says, install torch for "
            "CUDA, or leave the setting at 'cpu'"
        )
    make: Any = torch.cuda.Stream
    torch.cuda.set_stream(make(priority=_MOST_URGENT))


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether two logit vectors differ by no more than rounding in their type."""
    tolerance = (1e-3 if one.dtype == torch.float32 else 0.1) * float(one.float().std())
    return bool((one.float() - other.float()).abs().max() <= tolerance)
