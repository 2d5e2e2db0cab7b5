"""What an update leaves behind is the mean of its last steps."""

from __future__ import annotations

import torch

from server.learner.average import Average
from server.learner.profiles import SEEDLING, SMALL


def parameters() -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.zeros(2)), torch.nn.Parameter(torch.zeros(3))]


def step(of: list[torch.nn.Parameter], by: float) -> None:
    with torch.no_grad():
        for parameter in of:
            parameter.add_(by)


def test_the_mean_of_the_steps_is_shown_and_training_goes_on_from_where_it_was() -> None:
    own = parameters()
    average = Average(own, None)
    for by in (1.0, 1.0, 4.0):  # the weights are 1, 2 and 6
        step(own, by)
        average.add()
    average.show()
    assert [p.tolist() for p in own] == [[3.0] * 2, [3.0] * 3]
    average.hide()
    assert [p.tolist() for p in own] == [[6.0] * 2, [6.0] * 3]


def test_after_going_on_only_later_steps_count() -> None:
    own = parameters()
    average = Average(own, None)
    step(own, 1.0)
    average.add()
    average.show()
    average.hide()
    step(own, 1.0)
    average.add()
    average.show()
    assert own[0].tolist() == [2.0, 2.0]


def test_without_a_counted_step_the_weights_stay() -> None:
    own = parameters()
    step(own, 5.0)
    Average(own, None).show()
    assert own[0].tolist() == [5.0, 5.0]


def test_of_several_facts_on_a_small_model_more_steps_are_counted() -> None:
    assert SMALL.averaged(1) == SMALL.averaged_steps
    assert SMALL.averaged(5) == 3 * SMALL.averaged_steps
    assert SEEDLING.averaged(5) == SEEDLING.averaged_steps
