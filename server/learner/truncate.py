"""The best change of low rank for a whole stack: where a consolidating delta begins.

The truncated singular value decomposition of ΔW = B·A is the nearest matrix of its rank (Eckart and Young
1936). It is found from the factors alone: with B = Q·R and Aᵀ = P·S, that of the small R·Sᵀ.
"""

from __future__ import annotations

import torch

from server.learner.adapters import Adapters
from server.learner.profiles import Profile


@torch.no_grad()
def stack(adapters: Adapters, name: str, profile: Profile) -> dict[str, torch.Tensor]:
    """`<module path>.A` and `.B` at the profile's scale, for Adapters.start_from."""
    found: dict[str, torch.Tensor] = {}
    for path, module in adapters.sites().items():
        a, b = truncated(*adapters.product(module, [name]), profile.rank)
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
