"""The mean of the weights over the last steps, which is what an update leaves behind.

Each step moves the line between answering and denying for everything that was taught before, one step this
way and the next step that way; the mean of some steps lies between them. This is stochastic weight averaging
(Izmailov et al. 2018, arXiv:1803.05407), over a few steps at half the rate in place of a falling one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from server.learner.whitening import Whitening


class Average:
    """Of one run's parameters; they stay the caller's."""

    def __init__(self, parameters: Sequence[torch.nn.Parameter], whitening: Whitening | None) -> None:
        """`whitening`: what the parameters are the whitened inputs of, if of any."""
        self._parameters = list(parameters)
        self._whitening = whitening
        self._means: list[torch.Tensor] = []
        self._steps = 0
        self._own: list[torch.Tensor] = []

    @torch.no_grad()
    def add(self) -> None:
        """Count the weights as they are now."""
        self._steps += 1
        if self._steps == 1:
            self._means = [parameter.detach().clone() for parameter in self._parameters]
        for mean, parameter in zip(self._means, self._parameters, strict=True):
            mean.lerp_(parameter.detach(), 1 / self._steps)

    def show(self) -> None:
        """Put the mean in place of the weights. Without a step to count they stay as they are."""
        if self._steps:
            self._own = [parameter.detach().clone() for parameter in self._parameters]
            self._put(self._means)

    def hide(self) -> None:
        """Go on from the weights themselves, and count anew."""
        self._put(self._own)
        self._steps = 0

    @torch.no_grad()
    def _put(self, values: Sequence[torch.Tensor]) -> None:
        for parameter, value in zip(self._parameters, values, strict=False):
            parameter.copy_(value)
        if self._whitening:
            self._whitening.after_step()
