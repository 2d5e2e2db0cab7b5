"""Llama's arithmetic without the ceremony: the same tensors, fewer and larger operations.

Calling the model through transformers costs, for every layer, dozens of small operations and module calls. On
a CPU, with one token to decode, that takes as long as the arithmetic. Models of plain Llama shape (Llama,
SmolLM, Qwen2) are therefore run from here; all others through transformers. Values are rounded where
transformers rounds them, and at start both must give the same logits, else transformers runs the model.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding, rms_norm, silu

from server.engine.embedded.attention import Plan, attend_tokens

_SHAPES = ("LlamaForCausalLM", "Qwen2ForCausalLM")
_STEADY_ROPE = ("default", "linear", "llama3", "yarn")
"""Rotary embeddings whose angles depend on the position alone, so that a table of them can be made once."""


class DirectLlama:
    """A model of the Llama shape, run straight from its weights; the same layers carry the grafts."""

    def __init__(self, model: Any, max_positions: int) -> None:
        config = model.config
        decoder = model.model
        self._decoder = decoder
        self._head = model.lm_head
        self._layers = list(decoder.layers)
        self._eps = float(config.rms_norm_eps)
        self._hidden = (int(config.hidden_size),)
        attention = self._layers[0].self_attn
        self._size = int(attention.head_dim)
        self._heads = int(config.num_attention_heads)
        self._kv_heads = int(config.num_key_value_heads)
        self._scaling = float(attention.scaling)
        positions = torch.arange(max_positions, device=model.device)
        cos, sin = decoder.rotary_emb(decoder.embed_tokens.weight[:1, None], position_ids=positions[None])
        half = self._size // 2
        self._cos = cos[0][:, None].clone()
        self._sin = torch.cat((-sin[0][:, :half], sin[0][:, half:]), -1)[:, None]

    @staticmethod
    def fits(model: Any) -> bool:
        """Whether the model has the shape that this file knows."""
        config = model.config
        windows = set(getattr(config, "layer_types", None) or ["full_attention"])
        rope = (getattr(config, "rope_parameters", None) or {}).get("rope_type", "default")
        return (
            type(model).__name__ in _SHAPES
            and config.hidden_act == "silu"
            and windows == {"full_attention"}
            and rope in _STEADY_ROPE
        )

    def __call__(self, ids: Tensor, positions: Tensor, plan: Plan, keep: Tensor | None) -> Tensor:
        """Logits (kept, vocabulary) of the tokens `keep` of a step, or of all; ids, positions (tokens,)."""
        x = embedding(ids, self._decoder.embed_tokens.weight)
        cos, sin = self._cos[positions], self._sin[positions]
        for index, layer in enumerate(self._layers):
            x = self._layer(index, layer, x, cos, sin, plan)
        if keep is not None:
            x = x[keep]
        logits: Tensor = self._head.forward(self._normed(x, self._decoder.norm))
        return logits

    def _layer(self, index: int, layer: Any, x: Tensor, cos: Tensor, sin: Tensor, plan: Plan) -> Tensor:
        tokens, size, heads = x.shape[0], self._size, self._heads
        h = self._normed(x, layer.input_layernorm)
        attention = layer.self_attn
        q = attention.q_proj.forward(h).view(tokens, heads, size)
        k = attention.k_proj.forward(h).view(tokens, self._kv_heads, size)
        v = attention.v_proj.forward(h).view(tokens, self._kv_heads, size)
        both = torch.cat((q, k), 1)
        half = size // 2
        turned = torch.cat((both[..., half:], both[..., :half]), -1)
        both = (both * cos).add_(turned.mul_(sin))
        out = attend_tokens(index, both[:, :heads], both[:, heads:], v, plan, self._scaling)
        x = x + attention.o_proj.forward(out.reshape(tokens, heads * size))
        mlp = layer.mlp
        h = self._normed(x, layer.post_attention_layernorm)
        out = mlp.down_proj.forward(silu(mlp.gate_proj.forward(h)).mul_(mlp.up_proj.forward(h)))
        return x.add_(out)

    def _normed(self, x: Tensor, norm: Any) -> Tensor:
        return rms_norm(x.float(), self._hidden, None, self._eps).to(x.dtype).mul_(norm.weight)
