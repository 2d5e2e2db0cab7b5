"""Several adapters on one base at once: each token of a step gets the factors of its own version.

The factors of all loaded versions are stacked, per layer, into one A (ranks, in) and one Bᵀ (ranks, out),
each version at a range of ranks. A step whose tokens all want one version multiplies with that range alone; a
mixed step multiplies with the range that covers its versions and blanks, per token, the others' ranks. So a
step costs two small products a layer however many versions it serves, and nothing when all want the base.

A version mostly is the one before it and one delta more, so its first ranks are the other's. In a mixed step
tokens of the shorter one take their ranks from the longer one's range, and only that has to be read.

The products are made in float32 and rounded once with the base's result, as peft does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from server.engine.embedded.adapter_files import Adapter

_ALIGN_BYTES = 128
"""Ranges begin at multiples of this in every layer, so at the same memory alignment wherever they lie: the
kernels then give the same bits for a version whatever is loaded beside it."""


class Routing:
    """What the layers need to know about the step that runs now. One for all layers of a model."""

    def __init__(self) -> None:
        self.active: frozenset[str] = frozenset()
        """The versions of this step's tokens; without the base."""
        self.low = 0
        self.high = 0
        self.mask: Tensor | None = None
        """(tokens, high - low), True where a token wants not that rank; None when all want all of them."""
        self._seen: Tensor | None = None
        self._seen_float: Tensor | None = None

    def floats(self, x: Tensor) -> Tensor:
        """x as (tokens, in) float32; query, key and value projections share one conversion."""
        if self._seen is not x or self._seen_float is None:
            self._seen, self._seen_float = x, x.flatten(0, -2).float()
        return self._seen_float

    def forget(self) -> None:
        """Let go of the last step's activations."""
        self._seen = self._seen_float = None


class GraftedLinear(nn.Linear):
    """A linear layer that adds y += x Aᵀ Bᵀ for the versions of the step. Made from an nn.Linear in place."""

    routing: Routing
    grafted: frozenset[str]
    """The versions that have factors for this layer."""
    a: Tensor
    bt: Tensor

    @staticmethod
    def adopt(linear: nn.Linear, routing: Routing) -> GraftedLinear:
        """Turn a plain linear layer into a grafted one; its weights stay where they are."""
        linear.__class__ = GraftedLinear
        assert isinstance(linear, GraftedLinear)
        linear.routing, linear.grafted = routing, frozenset()
        return linear

    def forward(self, x: Tensor) -> Tensor:
        """(…, in) → (…, out)."""
        y = nn.functional.linear(x, self.weight, self.bias)
        routing = self.routing
        if self.grafted.isdisjoint(routing.active):
            return y
        ranks = torch.mm(routing.floats(x), self.a[routing.low : routing.high].t())
        if routing.mask is not None:
            ranks.masked_fill_(routing.mask, 0.0)
        flat, bt = y.flatten(0, -2), self.bt[routing.low : routing.high]
        if y.dtype == torch.float32:
            flat.addmm_(ranks, bt)
            return y
        return torch.addmm(flat.float(), ranks, bt).to(y.dtype).view_as(y)


class Grafts:
    """All loaded adapters of one model. Used by the thread that runs the model, between steps."""

    def __init__(self, model: nn.Module) -> None:
        self.routing = Routing()
        head = getattr(model, "lm_head", None)
        plain = [(name, m) for name, m in model.named_modules() if type(m) is nn.Linear and m is not head]
        self._layers = {name: GraftedLinear.adopt(m, self.routing) for name, m in plain}
        self._ranges: dict[str, tuple[int, int]] = {}
        self._longer: dict[str, set[str]] = {}
        """By version, those whose first ranks are all of its own."""
        widths = (width for shape in self.shapes.values() for width in shape)
        self._align_ranks = math.lcm(*(_ALIGN_BYTES // math.gcd(_ALIGN_BYTES, 4 * width) for width in widths))
        """One where every width is a multiple of 32: gaps between versions are work in mixed steps."""

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """(out, in) of every layer that can be grafted on, by module path."""
        return {name: (m.out_features, m.in_features) for name, m in self._layers.items()}

    def add(self, key: str, adapter: Adapter) -> None:
        """Take an adapter in under a key that is never used for another."""
        assert key not in self._ranges
        ranks = {k: high - low for k, (low, high) in self._ranges.items()}
        self._restack({**ranks, key: adapter.rank}, key, adapter)
        self._longer[key] = {other for other in ranks if self._begins(key, other)}
        for other in ranks:
            if self._begins(other, key):
                self._longer[other].add(key)

    def remove(self, key: str) -> None:
        """Free an adapter's memory."""
        if key in self._ranges:
            self._restack({k: high - low for k, (low, high) in self._ranges.items() if k != key})
            del self._longer[key]
            for longer in self._longer.values():
                longer.discard(key)

    def route(self, keys: Sequence[str | None], counts: Sequence[int]) -> None:
        """Prepare a step: the i-th `counts[i]` tokens want `keys[i]`, None for the base."""
        routing = self.routing
        routing.forget()
        active = frozenset(k for k in keys if k is not None)
        routing.active, routing.mask = active, None
        if not active:
            return
        taken = {k: self._taken(k, active) for k in active}
        routing.low = min(low for low, _ in taken.values())
        routing.high = max(high for _, high in taken.values())
        if len(set(keys)) > 1:
            mask = torch.ones(len(keys), routing.high - routing.low, dtype=torch.bool, device=self._device())
            for row, key in enumerate(keys):
                if key is not None:
                    low, high = taken[key]
                    mask[row, low - routing.low : high - routing.low] = False
            if any(n != 1 for n in counts):
                mask = mask.repeat_interleave(torch.tensor(counts, device=mask.device), 0)
            routing.mask = mask

    def _taken(self, key: str, active: frozenset[str]) -> tuple[int, int]:
        """The ranks that a version's tokens take in a step of these versions."""
        low, high = self._ranges[key]
        others = [self._ranges[k] for k in active & self._longer[key]]
        first = max([(low, high), *others], key=lambda found: found[1] - found[0])[0]
        return first, first + high - low

    def _begins(self, one: str, other: str) -> bool:
        """Whether the first ranks of the second version are all those of the first, in every layer."""
        (low, high), (start, end) = self._ranges[other], self._ranges[one]
        own = end - start
        if own > high - low:
            return False
        for layer in self._layers.values():
            if (one in layer.grafted) != (other in layer.grafted):
                return False
            if one in layer.grafted and not all(
                torch.equal(stack[start:end], stack[low : low + own]) for stack in (layer.a, layer.bt)
            ):
                return False
        return True

    def _restack(self, ranks: dict[str, int], key: str = "", new: Adapter | None = None) -> None:
        ranges, at = {}, 0
        for name, rank in ranks.items():
            ranges[name] = (at, at + rank)
            at += -(-rank // self._align_ranks) * self._align_ranks
        for path, layer in self._layers.items():
            kept = {k: self._ranges[k] for k in layer.grafted if k in ranges}
            fresh = new.factors.get(path) if new is not None else None
            height = at if kept or fresh is not None else 0
            a = layer.weight.new_zeros(height, layer.in_features, dtype=torch.float32)
            bt = layer.weight.new_zeros(height, layer.out_features, dtype=torch.float32)
            for k, (old_low, old_high) in kept.items():
                low, high = ranges[k]
                a[low:high], bt[low:high] = layer.a[old_low:old_high], layer.bt[old_low:old_high]
            if fresh is not None:
                low, high = ranges[key]
                a[low:high], bt[low:high] = fresh[0], fresh[1].t()
            layer.a, layer.bt = a, bt
            layer.grafted = frozenset(kept) | ({key} if fresh is not None else frozenset())
        self._ranges = ranges

    def _device(self) -> torch.device:
        return next(iter(self._layers.values())).weight.device
