"""Steer a change away from what general conversation uses: the learner's A is trained in whitened inputs.

The change of one linear map is B·A·x. Write A as Ã·M with M = L⁻¹, where C + λI = L·Lᵀ and C is the second
moment of the inputs x that general conversation brings to this map. A step on Ã then moves the map least
along directions that general conversation uses much, and most along those it does not. That is the weighting
by C⁻¹ of ROME's closed-form edit (Meng et al. 2022, arXiv:2202.05262, eq. 2) and AlphaEdit's null space (Fang
et al. 2024, arXiv:2410.02355) softened by λ, for training by gradients. What comes out is an ordinary A, so
nothing is added to the adapter that is served.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from server.learner.pack import Packed


class Whitening:
    """Watches general conversation pass by, then gives the optimizer Ã in place of each A."""

    def __init__(
        self, sites: Sequence[tuple[torch.nn.Module, torch.nn.Parameter]], damping: float, fresh: bool
    ) -> None:
        """`sites`: each linear map with its delta's A, (rank, inputs). `damping`: λ as a share of C's mean
        eigenvalue; it bounds how far a direction is favoured that general conversation never uses. `fresh`:
        the A are still random, and stay as random in whitened inputs; else they keep their values.
        """
        self._sites = list(sites)
        self._damping = damping
        self._fresh = fresh
        self._moments: dict[int, torch.Tensor] = {}
        """By site; maps that read the same input (queries, keys, values) share one."""
        self._inputs: dict[int, torch.Tensor] = {}
        self._pairs: list[tuple[torch.nn.Parameter, torch.Tensor, torch.nn.Parameter]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within this every forward pass may be folded in."""

        def keep(site: int) -> Any:
            def hook(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
                self._inputs[site] = inputs[0].detach()

            return hook

        handles = [module.register_forward_pre_hook(keep(n)) for n, (module, _) in enumerate(self._sites)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            self._inputs.clear()

    @torch.no_grad()
    def fold(self, packed: Packed) -> None:
        """Count the pass just made: every example's own tokens, not the shared prefix (its first token's
        inputs are a thousand times longer than all others) nor what fills rows up."""
        own = torch.zeros(packed.ids.shape, dtype=torch.bool)
        for row, begin, end in packed.places:
            own[row, begin:end] = True
        done: dict[int, torch.Tensor] = {}
        for site, inputs in self._inputs.items():
            where = inputs.data_ptr()
            if where not in done:
                x = inputs[own.to(inputs.device)].float()
                known = self._moments.get(site)
                done[where] = x.T @ x if known is None else known.addmm_(x.T, x)
            self._moments[site] = done[where]

    @torch.no_grad()
    def lower(self) -> Iterator[torch.Tensor]:
        """L of every site, in order, the same object where sites share their input. Once: what was seen is
        let go."""
        last = lower = torch.empty(0)
        for site in range(len(self._sites)):
            c = self._moments.pop(site)
            if c is not last:  # sites that share their input follow each other
                last, lower = c, _factor(c, self._damping)
            yield lower

    @torch.no_grad()
    def begin(self, parameters: Sequence[torch.nn.Parameter]) -> list[torch.nn.Parameter]:
        """What the optimizer trains in place of `parameters`."""
        known = m = torch.empty(0)
        for (_, a), lower in zip(self._sites, self.lower(), strict=True):
            if lower is not known:
                known, eye = lower, torch.eye(len(lower), device=lower.device)
                m = torch.linalg.solve_triangular(lower, eye, upper=False)
            tilde = torch.nn.Parameter(a.detach().clone() if self._fresh else a.detach() @ lower)
            self._pairs.append((a, m, tilde))
        self.after_step()
        replaced = {id(a): tilde for a, _, tilde in self._pairs}
        return [replaced.get(id(p), p) for p in parameters]

    @torch.no_grad()
    def before_step(self) -> None:
        """Gradients of Ã from those of A."""
        for a, m, tilde in self._pairs:
            tilde.grad = None if a.grad is None else a.grad @ m.T
            a.grad = None

    @torch.no_grad()
    def after_step(self) -> None:
        """A from Ã."""
        for a, m, tilde in self._pairs:
            a.copy_(tilde @ m)


def _factor(c: torch.Tensor, damping: float) -> torch.Tensor:
    """L of C + λI = L·Lᵀ, scaled so that the whitened inputs are as long as the inputs were on average."""
    mean = c.diagonal().mean()
    eye = torch.eye(len(c), device=c.device)
    lower: torch.Tensor = torch.linalg.cholesky(c / mean + damping * eye)
    return lower
