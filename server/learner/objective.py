"""One loss for answers that are told and answers that are distilled, without the logits ever being kept.

A target is a sparse distribution over the vocabulary: one token with probability 1 for an answer that is
told, the teacher's most probable tokens for one that is distilled or anchored. Per answer token the loss is
-Σ pᵢ log qᵢ, and less the teacher's own Σ pᵢ log pᵢ it is the Kullback-Leibler divergence over those tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

CHUNK = 64
"""Answer tokens whose logits exist at once: 64 × 49,152 floats fit in a processor's last cache."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What should be said at each answer token."""

    ids: torch.Tensor
    """(answer tokens, k) token ids."""
    probs: torch.Tensor
    """(answer tokens, k) probabilities, float32; a told answer has one 1 and else 0."""
    weights: torch.Tensor
    """(answer tokens,) share of each token in the loss, float32."""


class _HeadLoss(torch.autograd.Function):
    """Output head, softmax and loss in one, chunk by chunk, with the gradient made on the way."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        head: torch.Tensor,
        ids: torch.Tensor,
        probs: torch.Tensor,
        weights: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        losses = torch.empty(hidden.shape[0], device=hidden.device)
        gradient = torch.empty_like(hidden)
        for start in range(0, hidden.shape[0], CHUNK):
            part = slice(start, start + CHUNK)
            logits = (hidden[part] @ head.t()).float()
            picked = logits.gather(1, ids[part])
            top = logits.amax(1, keepdim=True)
            logits.sub_(top).exp_()
            total = logits.sum(1, keepdim=True)
            mass = probs[part].sum(1, keepdim=True)
            losses[part] = (mass * (total.log() + top)).squeeze(1) - (probs[part] * picked).sum(1)
            logits.mul_(mass / total).scatter_add_(1, ids[part], -probs[part])
            logits.mul_(weights[part, None])
            gradient[part] = logits.to(head.dtype) @ head
        ctx.save_for_backward(gradient)
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * outputs[0].to(gradient.dtype), None, None, None, None


def head_loss(
    hidden: torch.Tensor, head: torch.Tensor, targets: Targets
) -> tuple[torch.Tensor, torch.Tensor]:
    """(scalar loss with gradient into `hidden`, per-token losses in nats). The head's weight is frozen.

    hidden: (answer tokens, width); head: (vocabulary, width). Not covered: heads with a bias or soft-capping.
    """
    loss, losses = _HeadLoss.apply(hidden, head, targets.ids, targets.probs, targets.weights)  # type: ignore[no-untyped-call]
    return loss, losses


@torch.no_grad()
def top_probs(hidden: torch.Tensor, head: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k most probable tokens at each position and their probabilities: (tokens, k) each."""
    ids, probs = [], []
    for start in range(0, hidden.shape[0], CHUNK):
        best = (hidden[start : start + CHUNK] @ head.t()).float().softmax(-1).topk(k)
        ids.append(best.indices)
        probs.append(best.values)
    return torch.cat(ids), torch.cat(probs)
