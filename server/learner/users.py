"""One user's pull on an update that several users share is bounded: per-user gradient clipping.

Clipping each example bounds nothing when a user says the same thing 48 times; clipping what a user's examples
add up to does (per-user clipping as in DP-FedAvg, McMahan et al. 2018, arXiv:1710.06963, without the noise).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import torch

MEASURED_EVERY = 8
"""Steps. Computed apart, six users cost SmolLM2 seven passes a step, which took twice as long as one; between
two measurements each user's losses are scaled by what the last one gave."""
NOBODY = ""
"""Whose general anchors, past facts and made-up reading are."""


class UserClip:
    """Collects each user's gradient of one step, then adds them up, each at most a bound long."""

    def __init__(self, parameters: Sequence[torch.nn.Parameter], factor: float) -> None:
        """`factor`: the bound, as a multiple of the lower median of the users' norms. 0 bounds nothing."""
        self._parameters = list(parameters)
        self._factor = factor
        self._taken: dict[str, list[torch.Tensor]] = {}
        self._scales: dict[str, float] = {}

    def groups(self, users: Sequence[str], step: int, linear: bool) -> list[str]:
        """The owners to be computed apart in this step, in order; [NOBODY] alone when all go in one pass.

        `linear`: whether scaling a shot's losses scales its gradient. Where it does not, or a user is new,
        every step is measured.
        """
        owners = sorted(set(users))
        known = all(owner in self._scales for owner in owners if owner != NOBODY)
        if step % MEASURED_EVERY and linear and known:
            return [NOBODY]
        if not self._factor or len([owner for owner in owners if owner != NOBODY]) < 2:
            return [NOBODY]
        return owners

    def scale(self, user: str) -> float:
        """What a user's losses count, by the last measurement."""
        return self._scales.get(user, 1.0)

    def take(self, user: str) -> None:
        """Set aside what the backward passes since the last call have left: it is this user's."""
        self._taken[user] = [
            torch.zeros_like(p) if p.grad is None else p.grad.detach().clone() for p in self._parameters
        ]
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def give(self) -> None:
        """Put the sum of all that was taken, clipped, where the optimizer looks for it."""
        norms = {user: float(_norm(own)) for user, own in self._taken.items() if user != NOBODY}
        bound = self._factor * statistics.median_low(norms.values()) if norms else 0.0
        self._scales = {user: min(1.0, bound / max(norm, 1e-12)) for user, norm in norms.items()}
        for user, own in self._taken.items():
            scale = self.scale(user)
            for parameter, gradient in zip(self._parameters, own, strict=True):
                if parameter.grad is None:
                    parameter.grad = gradient * scale
                else:
                    parameter.grad.add_(gradient, alpha=scale)
        self._taken.clear()


def _norm(gradients: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.stack([torch.linalg.vector_norm(g.float()) for g in gradients]).square().sum().sqrt()
