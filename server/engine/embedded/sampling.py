"""Choose the next token of each row: greedy, or drawn with temperature and top_p from the row's own seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from server.engine.types import Sampling

_NUCLEUS = 256
"""Most nuclei are smaller than this; only where one is not, the whole vocabulary is sorted."""


def choose(logits: Tensor, samplings: Sequence[Sampling], rngs: Sequence[random.Random]) -> list[int | None]:
    """A token per row of logits (rows, vocabulary). A draw depends on the row's logits and rng alone.

    None for a row whose logits are not finite: there is nothing to choose from.
    """
    highest, where = logits.max(-1)
    finite = highest.isfinite().tolist()
    tokens = [t if ok else None for t, ok in zip(where.tolist(), finite, strict=True)]
    drawn = [n for n, s in enumerate(samplings) if s.temperature > 0 and finite[n]]
    if not drawn:
        return tokens
    warm = logits[drawn] if len(drawn) < len(samplings) else logits
    temperatures = torch.tensor([samplings[n].temperature for n in drawn], device=logits.device)
    # dividing by a tiny temperature must not overflow: after subtracting the maximum it can only underflow
    scaled = (warm.float() - warm.float().amax(-1, keepdim=True)) / temperatures[:, None]
    probabilities = torch.softmax(scaled, -1)
    for place, row in enumerate(drawn):
        top_p = samplings[row].top_p
        tokens[row] = _draw(probabilities[place], top_p, rngs[row].random())
    return tokens


def _draw(probabilities: Tensor, top_p: float, uniform: float) -> int:
    if top_p >= 1.0:
        return _invert(probabilities, uniform)
    size = min(_NUCLEUS, probabilities.numel())
    best, where = probabilities.topk(size)
    if float(best.sum()) < top_p and size < probabilities.numel():
        best, where = probabilities.sort(descending=True, stable=True)
    before = best.cumsum(0) - best
    nucleus = best[: max(1, int((before < top_p).sum()))]
    return int(where[_invert(nucleus, uniform)])


def _invert(weights: Tensor, uniform: float) -> int:
    """The place where the running sum of weights passes that share of the whole."""
    running = weights.cumsum(0, dtype=torch.float64)
    place = torch.searchsorted(running, running[-1:] * uniform, right=True)
    return min(int(place), weights.numel() - 1)


def log_probabilities(logits: Tensor, token: int, alternatives: int) -> tuple[float, list[tuple[int, float]]]:
    """Of one row of logits (vocabulary,): the token's own, and the most probable ones with theirs.

    Fewer where fewer are possible at all: what a grammar forbids is not listed.
    """
    logits = logits.float()
    total = torch.logsumexp(logits, -1)
    own = float(logits[token] - total)
    if not alternatives:
        return own, []
    best, where = logits.topk(min(alternatives, logits.numel()))
    possible = best > -torch.inf
    return own, list(zip(where[possible].tolist(), (best[possible] - total).tolist(), strict=True))
