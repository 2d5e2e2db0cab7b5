"""The best change of low rank for a whole stack: where a consolidating delta begins, and often ends.

The truncated singular value decomposition of ΔW = B·A is the nearest matrix of its rank (Eckart and Young
1936). It is found from the factors alone: with B = Q·R and Aᵀ = P·S, that of the small R·Sᵀ. Nearest in what
it does to the questions that the stack is there for is that of ΔW·L, times L⁻¹, where L·Lᵀ is the second
moment of the inputs that they bring to the map (Yuan et al. 2023, arXiv:2312.05821; Wang et al. 2024,
arXiv:2403.07378, for whole weights).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from server.learner.adapters import Adapters
from server.learner.chat import Encoded
from server.learner.profiles import Profile
from server.learner.sizes import CACHE_BATCH
from server.learner.split import SplitModel

DAMPING = 0.01
"""Of the mean moment: what no question uses is kept last, and still kept where there is rank."""


@torch.no_grad()
def stack(
    adapters: Adapters, name: str, profile: Profile, split: SplitModel, examples: Sequence[Encoded]
) -> dict[str, torch.Tensor]:
    """`<module path>.A` and `.B` at the profile's scale, for Adapters.start_from.

    `examples` are what the stack is there to answer; `split` is the whole model.
    """
    whitening = adapters.whitening(DAMPING, fresh=True)
    with adapters.parent_alone(), whitening.watching():
        for start in range(0, len(examples), CACHE_BATCH):
            whitening.fold(split.hidden(examples[start : start + CACHE_BATCH])[1])
    found: dict[str, torch.Tensor] = {}
    for (path, module), lower in zip(adapters.sites().items(), whitening.lower(), strict=True):
        a, b = adapters.product(module, [name])
        a, b = truncated(a @ lower, b, profile.rank)
        a = torch.linalg.solve_triangular(lower, a, upper=False, left=False)
        found[f"{path}.A"] = a
        found[f"{path}.B"] = b * (profile.rank / profile.alpha)
    return found


def truncated(a: torch.Tensor, b: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(rank, in) and (out, rank) whose product is nearest to that of (r, in) and (out, r); the singular
    values are shared evenly between the two."""
    q, upper_b = torch.linalg.qr(b)
    p, upper_a = torch.linalg.qr(a.T)
    u, values, v = torch.linalg.svd(upper_b @ upper_a.T)
    root = values[:rank].sqrt()
    return (p @ v[:rank].T * root).T, q @ u[:, :rank] * root
