"""One pass of the model over the tokens of a step, each with its own position, place and version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from server.engine.embedded.attention import Plan, Span
from server.engine.embedded.direct import DirectLlama
from server.engine.embedded.grafts import Grafts
from server.engine.embedded.kvcache import KVCache


class Forward:
    """The model, its grafts and its cache. Used by one thread."""

    def __init__(self, model: Any, grafts: Grafts, cache: KVCache) -> None:
        self._model = model
        self._device = next(model.parameters()).device
        self.grafts = grafts
        self.cache = cache
        self.direct: DirectLlama | None = None
        """Runs the model in its stead, where its shape is known."""

    def step(
        self,
        tokens: Sequence[int],
        positions: Sequence[int],
        rows: Sequence[int],
        decoding: int,
        spans: Sequence[Span],
        keys: Sequence[str | None],
        kept: Sequence[int],
    ) -> Tensor:
        """Logits (kept, vocabulary) after the tokens of the step that `kept` names.

        tokens, positions and rows have one entry a token, the decoding rows' first; `keys` has one entry for
        each decoding row and span: whose adapter. Cache room must have been reserved.
        """
        width = self.cache.length
        slots = [row * width + at for row, at in zip(rows, positions, strict=True)]
        packed = torch.tensor([tokens, positions, slots], device=self._device)
        lengths = packed[1, :decoding] + 1
        longest = max(positions[:decoding], default=-1) + 1
        plan = Plan(self.cache, packed[2], lengths, longest, decoding, tuple(spans))
        self.grafts.route(keys, [1] * decoding + [s.end - s.start for s in spans])
        keep = None if len(kept) == len(tokens) else torch.tensor(kept, dtype=torch.long, device=self._device)
        return self._run(packed[0], packed[1], plan, keep)

    def whole(self, tokens: Sequence[int], key: str | None) -> tuple[Tensor, int]:
        """(logits (vocabulary,) after a whole prompt run alone, attention layers passed); no cache."""
        ids = torch.tensor(tokens, device=self._device)
        at = torch.arange(len(tokens), device=self._device)
        plan = Plan(None, at, at[:0], 0, 0, (Span(0, len(tokens), 0, 0),))
        self.grafts.route([key], [len(tokens)])
        return self._run(ids, at, plan, at[-1:])[0], plan.layers_seen

    def _run(self, ids: Tensor, positions: Tensor, plan: Plan, keep: Tensor | None) -> Tensor:
        if self.direct is not None:
            return self.direct(ids, positions, plan, keep)
        out = self._model(
            input_ids=ids[None],
            position_ids=positions[None],
            use_cache=False,
            logits_to_keep=0 if keep is None else keep,
            plan=plan,
        )
        logits: Tensor = out.logits[0]
        return logits
