"""The model in two halves: the frozen lower layers run once per example, the trained upper ones every step.

Gradients never reach below the first trained layer, so what enters it never changes during an update. The
halves are views of the same modules; no weights are copied.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from server.learner.chat import Encoded
from server.learner.pack import Packed, pack
from server.learner.sizes import CACHE_BATCH, row_tokens


class SplitModel:
    """Hidden states at answer positions, with the lower part remembered per example.

    `inner` is the decoder stack of a Llama-shaped causal model (embed_tokens, layers, norm).
    A model whose halves do not add up to the whole (it scales embeddings, say) runs whole: `first` is 0.
    """

    def __init__(
        self,
        inner: Any,
        first: int,
        prefix: tuple[int, ...],
        device: str = "cpu",
        checkpointing: bool = False,
    ) -> None:
        """`checkpointing`: trained layers keep their inputs only and are computed again going back."""
        self.prefix = prefix
        self._row_tokens = row_tokens(len(prefix), inner.config.hidden_size)
        self.device = device
        self.inner = inner
        self.first = first if first > 0 and self._halves_add_up(first) else 0
        self.lower, self.upper = _layers(inner, 0, self.first, False), _layers(inner, self.first, None, True)
        if checkpointing:
            layers = (_Recomputed(layer) for layer in self.upper._modules["layers"])
            self.upper._modules["layers"] = torch.nn.ModuleList(layers)
        self._known: dict[tuple[int, ...], torch.Tensor] = {}
        self._prefix_state = torch.empty(0)

    def hidden(self, examples: Sequence[Encoded]) -> tuple[torch.Tensor, Packed]:
        """(answer tokens, width) final hidden states that predict each answer token, and the layout."""
        packed = pack(examples, self.prefix, self._row_tokens)
        if self.first == 0:
            states = self.inner.embed_tokens(packed.ids.to(self.device))
        else:
            self._remember(examples)
            states = self._assemble(examples, packed)
        out = _run(self.upper, states, packed, self.device)
        return out.reshape(-1, out.shape[-1])[packed.predict.to(self.device)], packed

    def forget(self) -> None:
        """Compute the lower part anew from here on: its adapters have changed."""
        self._known.clear()

    def _remember(self, examples: Sequence[Encoded]) -> None:
        new = list({e.ids: e for e in examples if e.ids not in self._known}.values())
        for start in range(0, len(new), CACHE_BATCH):
            chunk = new[start : start + CACHE_BATCH]
            packed = pack(chunk, self.prefix, self._row_tokens)
            with torch.no_grad():
                embedded = self.inner.embed_tokens(packed.ids.to(self.device))
                states = _run(self.lower, embedded, packed, self.device)
            self._prefix_state = states[0, : len(self.prefix)].clone()
            for example, (row, begin, end) in zip(chunk, packed.places, strict=True):
                self._known[example.ids] = states[row, begin:end].clone()

    def _assemble(self, examples: Sequence[Encoded], packed: Packed) -> torch.Tensor:
        width = self._prefix_state.shape[-1]
        states = torch.zeros(
            *packed.ids.shape, width, dtype=self._prefix_state.dtype, device=self._prefix_state.device
        )
        states[:, : len(self.prefix)] = self._prefix_state
        for example, (row, begin, end) in zip(examples, packed.places, strict=True):
            states[row, begin:end] = self._known[example.ids]
        return states

    def _halves_add_up(self, first: int) -> bool:
        ids = torch.tensor([[*self.prefix, *self.prefix[:3], 1]], device=self.device)
        with torch.no_grad():
            try:
                whole = self.inner(input_ids=ids, use_cache=False).last_hidden_state
                lower = _layers(self.inner, 0, first, False)(
                    inputs_embeds=self.inner.embed_tokens(ids), use_cache=False
                )
                upper = _layers(self.inner, first, None, True)(
                    inputs_embeds=lower.last_hidden_state, use_cache=False
                )
            except (AttributeError, TypeError):
                return False
        return bool(torch.equal(upper.last_hidden_state, whole))


class _Recomputed(torch.nn.Module):
    """A layer of which only the input is kept for the backward pass (Chen et al. 2016, arXiv:1604.06174)."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def __getattr__(self, name: str) -> Any:
        """What a stack reads of its layers (some have their kind of attention there)."""
        modules = self.__dict__["_modules"]
        return modules[name] if name in modules else getattr(modules["layer"], name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if not torch.is_grad_enabled():
            return self.layer(*args, **kwargs)
        return checkpoint(self.layer, *args, use_reentrant=False, preserve_rng_state=False, **kwargs)


def _run(stack: Any, states: torch.Tensor, packed: Packed, device: str) -> torch.Tensor:
    out: torch.Tensor = stack(
        inputs_embeds=states,
        position_ids=packed.positions.to(device),
        attention_mask=packed.mask.to(device),
        use_cache=False,
    ).last_hidden_state
    return out


def _layers(inner: Any, first: int, last: int | None, norm: bool) -> Any:
    """The stack with only some of its layers; shares every module."""
    part = copy.copy(inner)
    part._modules = dict(inner._modules)
    part._modules["layers"] = inner.layers[first:last]
    part.config = copy.copy(inner.config)
    if getattr(inner.config, "layer_types", None):
        part.config.layer_types = inner.config.layer_types[first:last]
    part.config.num_hidden_layers = len(part._modules["layers"])
    if not norm:
        part._modules["norm"] = torch.nn.Identity()
    return part
