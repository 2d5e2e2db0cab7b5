"""peft's LoRA layer with its two small products folded into the big one.

peft converts the input to float32, keeps that copy for the backward pass, and adds the result by three passes
over the output. On a processor that has bfloat16 products this costs more than the frozen product itself.
Here the factors are rounded to the base's dtype (the optimizer keeps them in float32), the products add into
the base's result, and only the input, which the frozen layers hold anyway, is kept. What it computes is
y = W x + s B A x of Hu et al. 2021 (arXiv:2106.09685), eq. 3, unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from peft.tuners import lora
from torch import Tensor

SMALL = 100_000
"""Numbers in a weight up to which the sum is worth it: at 192 by 512 it gained a tenth to a third of a
product, at 576 by 1,536 2 to 7 %."""


class _Product(torch.autograd.Function):
    """y = x Wᵀ + bias + x Aᵀ Bᵀ, the same with each frozen pair of factors. Only A and B get gradients.

    Where many tokens pass, W + B A is made for the length of one product: with r ranks that costs r·in·out,
    the narrow products beside the wide one r·(in + out) a token, at a fraction of its speed. In half
    precision the sum would round away what a small B A adds, so there the products stay apart.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, a: Tensor, b: Tensor, *frozen: Tensor
    ) -> Tensor:
        """x: (tokens, in); weight: (out, in); a: (rank, in); b: (out, rank); frozen: further a, b, a, b …"""
        ranks = x @ a.t()
        if _cheaper_as_one(x, weight):
            y = torch.nn.functional.linear(x, _sum(weight, a, b, *frozen), bias)
        else:
            y = torch.nn.functional.linear(x, weight, bias)
            for other_a, other_b in _pairs(frozen):
                y.addmm_(x @ other_a.t(), other_b.t())
            y.addmm_(ranks, b.t())
        ctx.save_for_backward(x, weight, a, b, ranks, *frozen)
        return y

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, a, b, ranks, *frozen = ctx.saved_tensors
        (out,) = outputs
        back = out @ b
        gradient = None
        if ctx.needs_input_grad[0]:
            if _cheaper_as_one(x, weight):
                # Made again: kept from the way forward, it would be a copy of the base.
                gradient = out @ _sum(weight, a, b, *frozen)
            else:
                gradient = out @ weight
                gradient.addmm_(back, a)
                for other_a, other_b in _pairs(frozen):
                    gradient.addmm_(out @ other_b, other_a)
        return gradient, None, None, back.t() @ x, out.t() @ ranks, *(None for _ in frozen)


def _cheaper_as_one(x: Tensor, weight: Tensor) -> bool:
    """By measurement, on one core: the sum also writes a weight, which costs as much again, and more where
    the weight does not stay in the cache."""
    out, width = weight.shape
    small = weight.dtype == torch.float32 and weight.numel() <= SMALL
    return small and x.shape[0] * (out + width) > 2 * out * width


def _sum(weight: Tensor, *factors: Tensor) -> Tensor:
    """W + Σ B A. factors: a, b, a, b …"""
    (a, b), *others = _pairs(factors)
    total = torch.addmm(weight, b, a)
    for other_a, other_b in others:
        total.addmm_(other_b, other_a)
    return total


def _pairs(factors: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    return list(zip(factors[::2], factors[1::2], strict=True))


class FusedLora(lora.Linear):
    """A frozen linear layer with its adapters: the last active one may train, those before it are frozen.

    Not covered, and not used by the learner: dropout, merged weights, peft's variants of LoRA.
    """

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """(…, in) → (…, out)."""
        base = self.get_base_layer()
        names = [] if self.disable_adapters else [n for n in self.active_adapters if n in self.lora_A]
        if not names:
            out: Tensor = base(x)
            return out
        *frozen, trained = (self._factors(name, x.dtype) for name in names)
        flat = x.reshape(-1, x.shape[-1])
        out = _Product.apply(flat, base.weight, base.bias, *trained, *chain.from_iterable(frozen))  # type: ignore[no-untyped-call]
        return out.view(*x.shape[:-1], -1)

    def _factors(self, name: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """A and s B of an adapter, in the base's dtype."""
        a: Any = self.lora_A[name].weight
        b: Any = self.lora_B[name].weight
        return a.to(dtype), (b * self.scaling[name]).to(dtype)
