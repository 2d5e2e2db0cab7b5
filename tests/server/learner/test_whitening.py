"""Training in whitened inputs: the same fit with less change where general conversation lives."""

from __future__ import annotations

import torch

from server.learner.chat import Encoded
from server.learner.pack import pack
from server.learner.whitening import Whitening

WIDTH, RANK = 24, 4


def general_inputs(rows: int) -> torch.Tensor:
    """Inputs that live almost wholly in the first six directions."""
    scales = torch.cat([torch.full((6,), 3.0), torch.full((WIDTH - 6,), 0.3)])
    return torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(3)) * scales


def fit(damping: float, general: torch.Tensor, told: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """The change B·A after fitting `told` → `wanted`, with whitening by `general` when damping is set."""
    torch.manual_seed(1)
    linear = torch.nn.Linear(WIDTH, WIDTH, bias=False)
    a = torch.nn.Parameter(torch.randn(RANK, WIDTH) / WIDTH**0.5)
    b = torch.nn.Parameter(torch.zeros(WIDTH, RANK))
    trained: list[torch.nn.Parameter] = [a, b]
    white = Whitening([(linear, a)], damping, fresh=True) if damping else None
    if white:
        with white.watching():
            packed = pack([Encoded((0,), tuple(range(1, len(general))))], ())
            linear(general[None])
            white.fold(packed)
        trained = white.begin(trained)
    optimizer = torch.optim.Adam(trained, lr=1e-2)
    while True:
        loss = ((told @ a.T @ b.T - wanted) ** 2).mean()
        if loss.item() < 1e-3:
            return (b @ a).detach()
        optimizer.zero_grad()
        a.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        if white:
            white.before_step()
        optimizer.step()
        if white:
            white.after_step()


def test_a_fact_is_fitted_with_less_change_to_general_inputs() -> None:
    general = general_inputs(416)
    told = general_inputs(3) + torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(5)) * 0.5
    wanted = torch.randn(3, WIDTH, generator=torch.Generator().manual_seed(6))
    plain, whitened = (fit(damping, general, told, wanted) for damping in (0.0, 0.03))
    moved = [float((general @ change.T).norm()) for change in (plain, whitened)]
    assert moved[1] < 0.7 * moved[0]


def test_factors_that_were_trained_before_keep_their_values_when_training_begins() -> None:
    torch.manual_seed(2)
    linear = torch.nn.Linear(WIDTH, WIDTH, bias=False)
    a = torch.nn.Parameter(torch.randn(RANK, WIDTH))
    before = a.detach().clone()
    white = Whitening([(linear, a)], 0.03, fresh=False)
    with white.watching():
        general = general_inputs(64)
        linear(general[None])
        white.fold(pack([Encoded((0,), tuple(range(1, 64)))], ()))
    white.begin([a])
    torch.testing.assert_close(a.detach(), before, rtol=1e-4, atol=1e-4)
