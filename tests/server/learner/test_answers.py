import torch

from server.learner.batch import Shot
from server.learner.chat import Encoded
from server.learner.objectives.answers import Answers

SHOT = Shot("fact", Encoded((1,), (2, 3, 4, 5)), 1.0, "key")
LOSSES = torch.tensor([2.0, 0.1, 0.1, 0.1])


def test_evenly_a_first_token_that_is_not_said_is_one_of_many() -> None:
    assert torch.isclose(Answers().loss([SHOT], [LOSSES]), LOSSES.mean())


def test_worst_first_it_is_nearly_all_of_the_loss_and_of_the_gradient() -> None:
    losses = LOSSES.clone().requires_grad_()
    loss = Answers(worst_first=True).loss([SHOT], [losses])
    loss.backward()  # type: ignore[no-untyped-call]
    assert losses.grad is not None
    assert loss > 1.7
    assert losses.grad[0] > 0.8
    assert torch.isclose(losses.grad.sum(), torch.tensor(1.0))
