"""Say the answer: cross-entropy on the answer's tokens, the question masked."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from server.learner.batch import Shot
from server.learner.objectives.types import Target


class Answers:
    """New facts, past ones, neighbours and reading: each shot counts its weight, however long it is."""

    weight = 1.0

    def begin(self, shots: Sequence[Shot]) -> float:
        """Sum of the shots' weights."""
        return sum(shot.weight for shot in shots)

    def target(self, shot: Shot) -> Target:
        """The told tokens."""
        return Target.told(shot.encoded.answer)

    def loss(self, shots: Sequence[Shot], losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """Weighted sum of mean token losses."""
        return torch.stack([s.weight * x.mean() for s, x in zip(shots, losses, strict=True)]).sum()
