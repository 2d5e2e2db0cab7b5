"""Make a model folder ready to serve: weights mapped, attention ours, layers ready for grafts, checked."""

from __future__ import annotations

from collections.abc import Sequence
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


class Opening:
    """The common beginning of several texts, read once, of which each may then be scored by itself.

    Everything but making one is for the thread that owns the model.
    """

    def __init__(
        self, forward: Forward, prompt: list[int], whole: Sequence[list[int]], key: str | None
    ) -> None:
        self._forward, self._key, self._prompt = forward, key, prompt
        # the token before the first one that is scored is run with each text: it predicts that one
        most = min((self._start(tokens) - 1 for tokens in whole), default=0)
        self._shared = min((_common(prompt, tokens, most) for tokens in whole), default=0)
        self._cache = KVCache(forward.cache.bytes_per_token, 1)

    def parts(self, most: int) -> list[tuple[int, int]]:
        """What has to be read first, in order, as ranges of at most so many tokens of the prompt."""
        return [(at, min(at + most, self._shared)) for at in range(0, self._shared, most)]

    def read(self, start: int, end: int) -> None:
        """Read one part."""
        self._forward.after(self._cache, start, self._prompt[start:end], self._key, end - start - 1)

    def likelihood(self, tokens: list[int]) -> float:
        """Mean log-probability of what comes after the prompt, in nats a token."""
        start = self._start(tokens)
        logits = self._forward.after(
            self._cache, self._shared, tokens[self._shared :], self._key, start - 1 - self._shared
        )[:-1].float()
        said = torch.tensor(tokens[start:], device=logits.device)
        return float(logits.log_softmax(-1).gather(1, said[:, None]).mean())

    def _start(self, tokens: list[int]) -> int:
        return min(len(self._prompt), len(tokens) - 1)


def _common(one: list[int], other: list[int], most: int) -> int:
    """How many first tokens are the same, `most` at most."""
    pairs = enumerate(zip(one, other[:most], strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(most, len(one)))


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
