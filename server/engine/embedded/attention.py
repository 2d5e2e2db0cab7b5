"""Attention for a step in which some rows decode one token and others read in a part of their prompt.

All tokens of a step run through the model as one flat sequence; only attention knows whose they are. The
function is registered with transformers under NAME, and the step's plan reaches it as a keyword argument.

Decoding folds the query heads that share a key head into the query length: the keys are read once where
repeating them, as sdpa in transformers does on CPU, reads them once per query head.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention as sdpa

from server.engine.embedded.kvcache import KVCache
from server.engine.types import EngineError

NAME = "livegraft"


@dataclass(frozen=True, slots=True)
class Span:
    """A part of one prompt within the step."""

    start: int
    end: int
    """Its tokens are start..end of the step."""
    row: int
    past: int
    """Tokens of the row that are in the cache already."""


@dataclass(slots=True)
class Plan:
    """Whose token is whose. The first `decoding` tokens belong to rows 0..decoding-1, one each."""

    cache: KVCache | None
    """None when nothing is kept: the spans must then be whole prompts."""
    slots: Tensor
    """(tokens,) where each token goes in the cache: row * length + position."""
    lengths: Tensor
    """(decoding,) tokens of each decoding row, the new one included."""
    longest: int
    decoding: int
    spans: tuple[Span, ...]
    layers_seen: int = 0
    _masks: dict[int | None, Tensor | None] = field(default_factory=dict)

    def decode_mask(self, window: int | None) -> Tensor | None:
        """(decoding, 1, 1, longest), True where a row may look; None when all may look everywhere."""
        if window not in self._masks:
            at = torch.arange(self.longest, device=self.lengths.device)
            seen = at < self.lengths[:, None]
            if window is not None:
                seen &= at >= self.lengths[:, None] - window
            self._masks[window] = None if bool(seen.all()) else seen[:, None, None]
        return self._masks[window]


def attend_tokens(
    layer: int,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    plan: Plan,
    scaling: float | None,
    window: int | None = None,
) -> Tensor:
    """query (tokens, heads, size), key and value (tokens, kv heads, size) → (tokens, heads, size)."""
    plan.layers_seen += 1
    keys, values = key, value
    if plan.cache is not None:
        keys, values = plan.cache.store(layer, key, value, plan.slots)
    parts = []
    if plan.decoding:
        parts.append(_decode(query, keys, values, plan, scaling, window))
    for span in plan.spans:
        q, k, v = (t[span.start : span.end] for t in (query, key, value))
        if span.past:
            k, v = (t[span.row, : span.past + q.shape[0]] for t in (keys, values))
        parts.append(_read_in(q, k, v, span.past, scaling, window))
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _decode(
    query: Tensor, keys: Tensor, values: Tensor, plan: Plan, scaling: float | None, window: int | None
) -> Tensor:
    heads, size = query.shape[1:]
    rows, kv_heads = plan.decoding, keys.shape[2]
    q = query[:rows].reshape(rows, kv_heads, heads // kv_heads, size)
    k, v = (t[:rows, : plan.longest].transpose(1, 2) for t in (keys, values))
    out = sdpa(q, k, v, attn_mask=plan.decode_mask(window), scale=scaling)
    return out.reshape(rows, heads, size)


def _read_in(q: Tensor, k: Tensor, v: Tensor, past: int, scaling: float | None, window: int | None) -> Tensor:
    new, total = q.shape[0], k.shape[0]
    mask = None
    if past or (window is not None and window < total):
        mask = torch.ones(new, total, dtype=torch.bool, device=q.device).tril_(past)
        if window is not None:
            mask.triu_(past - window + 1)
    q, k, v = (t.transpose(0, 1)[None] for t in (q, k, v))
    grouped = q.shape[1] != k.shape[1]
    out = sdpa(q, k, v, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=grouped)
    return out[0].transpose(0, 1)


def attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    plan: Plan,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **unused: Any,
) -> tuple[Tensor, None]:
    """As transformers calls it: query (1, heads, tokens, size) and so on → (1, tokens, heads, size)."""
    if unused.get("softcap") is not None or unused.get("s_aux") is not None:
        raise EngineError("this model caps or sinks its attention, which the embedded engine does not do")
    q, k, v = (t[0].transpose(0, 1) for t in (query, key, value))
    return attend_tokens(module.layer_idx, q, k, v, plan, scaling, sliding_window)[None], None


def register() -> None:
    """Make NAME known to transformers."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
