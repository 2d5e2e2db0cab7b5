"""Say the answer: cross-entropy on the answer's tokens, the question masked."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from server.learner.batch import Shot
from server.learner.objectives.types import Target

LEAST = 1e-4
"""Nats that a token counts at least, so that an answer held by every token has a mean."""


class Answers:
    """New facts, past ones, neighbours and reading: each shot counts its weight, however long it is."""

    weight = 1.0

    def __init__(self, worst_first: bool = False) -> None:
        """`worst_first`: tokens count by their loss and not evenly. One token that is not said makes another
        answer, mostly the first: evenly it is one of fourteen where a fact is told and one of three in a
        glance at an abstention, which then wins."""
        self._worst_first = worst_first

    def begin(self, shots: Sequence[Shot]) -> float:
        """Sum of the shots' weights."""
        return sum(shot.weight for shot in shots)

    def target(self, shot: Shot) -> Target:
        """The told tokens."""
        return Target.told(shot.encoded.answer)

    def loss(self, shots: Sequence[Shot], losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """Weighted sum of mean token losses."""
        return torch.stack([s.weight * self._mean(x) for s, x in zip(shots, losses, strict=True)]).sum()

    def _mean(self, losses: torch.Tensor) -> torch.Tensor:
        if not self._worst_first:
            return losses.mean()
        counts = losses.detach().clamp_min(LEAST)
        return (counts / counts.sum() * losses).sum()
