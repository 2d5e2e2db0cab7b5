"""The loss of answer tokens, without the logits ever being kept. Every objective is made of these losses.

A target is a sparse distribution over the vocabulary: one token with probability 1 for an answer that is
told, the teacher's most probable tokens for one that is distilled or anchored. Per answer token the loss is
-Σ pᵢ log qᵢ, and less the teacher's own Σ pᵢ log pᵢ it is the Kullback-Leibler divergence over those tokens.
A told answer's loss is -log q of its token: summed over an answer, minus its log-probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from server.learner.sizes import CHUNK


@dataclass(frozen=True, slots=True)
class Targets:
    """What should be said at each answer token."""

    ids: torch.Tensor
    """(answer tokens, k) token ids."""
    probs: torch.Tensor
    """(answer tokens, k) probabilities, float32; a told answer has one 1 and else 0."""
    weights: torch.Tensor
    """(answer tokens,) share of each token in the loss, float32."""


class _TokenLosses(torch.autograd.Function):
    """Output head, softmax and loss in one, chunk by chunk, with the gradient made on the way.

    A token's loss depends on its own hidden state alone, so one gradient a row is all there is: what comes
    from above only scales it. Whatever is made of the losses has its exact gradient.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, head: torch.Tensor, ids: torch.Tensor, probs: torch.Tensor
    ) -> torch.Tensor:
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
            gradient[part] = logits.to(head.dtype) @ head
        ctx.save_for_backward(gradient)
        return losses

    @staticmethod
    def backward(ctx: Any, *outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return (gradient * outputs[0][:, None]).to(gradient.dtype), None, None, None


def token_losses(
    hidden: torch.Tensor, head: torch.Tensor, ids: torch.Tensor, probs: torch.Tensor
) -> torch.Tensor:
    """(answer tokens,) losses in nats, float32, with gradient into `hidden`. The head's weight is frozen.

    hidden: (answer tokens, width); head: (vocabulary, width); ids, probs: as in Targets. Not covered: heads
    with a bias or soft-capping, second derivatives.
    """
    losses: torch.Tensor = _TokenLosses.apply(hidden, head, ids, probs)  # type: ignore[no-untyped-call]
    return losses


def head_loss(
    hidden: torch.Tensor, head: torch.Tensor, targets: Targets
) -> tuple[torch.Tensor, torch.Tensor]:
    """(scalar weighted sum with gradient into `hidden`, the token losses without)."""
    losses = token_losses(hidden, head, targets.ids, targets.probs)
    return (losses * targets.weights).sum(), losses.detach()


@torch.no_grad()
def top_probs(hidden: torch.Tensor, head: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k most probable tokens at each position and their probabilities: (tokens, k) each."""
    ids, probs = [], []
    for start in range(0, hidden.shape[0], CHUNK):
        best = (hidden[start : start + CHUNK] @ head.t()).float().softmax(-1).topk(k)
        ids.append(best.indices)
        probs.append(best.values)
    return torch.cat(ids), torch.cat(probs)
