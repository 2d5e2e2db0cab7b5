"""What every objective gives the training loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from server.learner.batch import Shot


@dataclass(frozen=True, slots=True)
class Target:
    """What one shot should say, token by token: sparse distributions over the vocabulary."""

    ids: torch.Tensor
    """(tokens, k) token ids; an id may come twice, its probability is then the sum."""
    probs: torch.Tensor
    """(tokens, k) float32."""
    floor: torch.Tensor
    """(tokens,) nats that no training can undercut: the target's own entropy."""

    @classmethod
    def told(cls, answer: Sequence[int]) -> Target:
        """Exactly these tokens."""
        n = len(answer)
        return cls(torch.tensor(answer)[:, None], torch.ones(n, 1), torch.zeros(n))

    @classmethod
    def spread(cls, ids: torch.Tensor, probs: torch.Tensor) -> Target:
        """A distribution whose first id may come again among the others."""
        merged = probs.clone()
        again = ids[:, 1:] == ids[:, :1]
        merged[:, 0] += (probs[:, 1:] * again).sum(1)
        merged[:, 1:][again] = 0
        return cls(ids, probs, -(merged * merged.clamp_min(1e-9).log()).sum(1))

    def first(self, tokens: int) -> Target:
        """The same for only the first tokens."""
        return Target(self.ids[:tokens], self.probs[:tokens], self.floor[:tokens])


class Objective(Protocol):
    """One way to be right. A step's loss is, summed over the objectives,
    weight · Σ loss(part) / begin(shots of the step): the same whatever parts it is computed in.
    """

    @property
    def weight(self) -> float:
        """What this objective counts beside the others."""
        ...

    def begin(self, shots: Sequence[Shot]) -> float:
        """What these shots of a step count together. Called before any of them is computed."""
        ...

    def target(self, shot: Shot) -> Target:
        """What a shot should say."""
        ...

    def loss(self, shots: Sequence[Shot], losses: Sequence[torch.Tensor]) -> torch.Tensor:
        """A scalar of some of the shots, from the token losses of each: (tokens,) nats, with gradient."""
        ...
