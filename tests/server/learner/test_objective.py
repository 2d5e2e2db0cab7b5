import pytest
import torch
from torch.nn import functional

from server.learner.objective import Targets, head_loss, token_losses, top_probs
from server.learner.sizes import CHUNK


@pytest.fixture
def problem() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(CHUNK + 9, 16), torch.randn(50, 16)


def test_told_answers_get_cross_entropy_and_its_gradient(problem: tuple[torch.Tensor, torch.Tensor]) -> None:
    hidden, head = problem
    tokens = torch.randint(0, 50, (len(hidden),))
    weights = torch.rand(len(hidden))
    targets = Targets(tokens[:, None], torch.ones(len(hidden), 1), weights)
    ours, plain = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
    loss, losses = head_loss(ours, head, targets)
    (2 * loss).backward()  # type: ignore[no-untyped-call]
    expected = functional.cross_entropy(plain @ head.t(), tokens, reduction="none")
    (2 * (expected * weights).sum()).backward()  # type: ignore[no-untyped-call]
    assert torch.allclose(losses, expected, atol=1e-4)
    assert ours.grad is not None
    assert plain.grad is not None
    assert torch.allclose(ours.grad, plain.grad, atol=1e-4)


def test_a_student_equal_to_its_teacher_has_the_teachers_entropy_and_no_gradient(
    problem: tuple[torch.Tensor, torch.Tensor],
) -> None:
    hidden, head = problem
    ids, probs = top_probs(hidden, head, 50)
    student = hidden.clone().requires_grad_()
    loss, losses = head_loss(student, head, Targets(ids, probs, torch.ones(len(hidden))))
    loss.backward()  # type: ignore[no-untyped-call]
    assert torch.allclose(losses, -(probs * probs.log()).sum(1), atol=1e-4)
    assert student.grad is not None
    assert student.grad.abs().max() < 1e-5


def test_what_is_made_of_token_losses_has_its_exact_gradient(
    problem: tuple[torch.Tensor, torch.Tensor],
) -> None:
    hidden, head = problem
    tokens = torch.randint(0, 50, (len(hidden),))
    ours, plain = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
    ones = torch.ones(len(hidden), 1)
    for losses in (
        token_losses(ours, head, tokens[:, None], ones),
        functional.cross_entropy(plain @ head.t(), tokens, reduction="none"),
    ):
        chosen, rejected = -losses[:30].sum(), -losses[30:].sum()
        (-functional.logsigmoid(0.1 * (chosen - rejected))).backward()  # type: ignore[no-untyped-call]
    assert ours.grad is not None
    assert plain.grad is not None
    assert torch.allclose(ours.grad, plain.grad, atol=1e-5)
