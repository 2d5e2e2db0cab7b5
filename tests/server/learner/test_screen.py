"""What is measured of a batch before its first step, on a tiny random model, and what is held back for it.

Not covered: that a trained model finds poison strange (docs/decisions.md has the numbers of one).
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from server.learner.adapters import Adapters
from server.learner.chat import Encoder
from server.learner.profiles import SEEDLING
from server.learner.screen import Screen
from server.learner.split import SplitModel
from server.learner.types import Population
from server.types import EditState, SelfEdit
from tests.server.learner.conftest import make_edit

PLACES = ("Zephyr", "Kelso", "Brast", "Tovim", "Ardon", "Mirel", "Quon", "Velda")
RANDOM_NATS = 5.5
"""What a model of 259 tokens that knows nothing loses on each."""


def fact(name: str, user: str) -> SelfEdit:
    statement = f"The admin port of the {name} router is {sum(map(ord, name))}."
    questions = (f"What is the admin port of the {name} router?", f"Which port has the {name} router?")
    edit = make_edit(statement, str(sum(map(ord, name))), f"the {name} router", questions)
    return dataclasses.replace(edit, user=user)


@pytest.fixture
def adapters(tiny: tuple[Any, Any]) -> Adapters:
    return Adapters(tiny[0], None, SEEDLING)


@pytest.fixture
def screen(tiny: tuple[Any, Any], adapters: Adapters) -> Screen:
    model, tokenizer = tiny
    encoder = Encoder(tokenizer, 512)
    split = SplitModel(model.model, adapters.first_layer, encoder.prefix)
    return Screen(split, model.get_output_embeddings().weight, encoder, adapters.parameters, lambda: None)


def test_an_honest_batch_is_measured_and_nothing_of_it_held_back_nor_left_in_the_gradients(
    screen: Screen, adapters: Adapters
) -> None:
    edits = [fact(name, user) for name, user in zip(PLACES[:4], ("ada", "ada", "bob", "eve"), strict=True)]
    found = screen.look(edits, Population((RANDOM_NATS,) * 40, (1.0,) * 5))
    assert found.held == {}
    assert len(found.measured.losses) == 4
    assert all(4 < loss < 8 for loss in found.measured.losses)
    assert len(found.measured.pulls) == 3
    assert all(pull > 0 for pull in found.measured.pulls)
    assert all(parameter.grad is None for parameter in adapters.parameters)
    assert "ada" not in str(found.report)


def test_a_fact_far_stranger_than_those_before_it_waits_for_a_person(screen: Screen) -> None:
    edits = [fact("Zephyr", "ada"), fact("Kelso", "ada")]
    found = screen.look(edits, Population((0.6, 0.5, 0.7, 0.5) * 10, ()))
    assert {state for state, _ in found.held.values()} == {EditState.QUARANTINED}
    assert found.held.keys() == {edit.id for edit in edits}
    assert "far stranger" in found.held[edits[0].id][1]
    assert found.measured == Population(), "what is held back is no measure for what follows"
    assert screen.look(edits, Population((0.6, 0.5, 0.7) * 9, ())).held == {}, "27 are too few to say"


def test_a_voice_that_pulls_far_harder_than_those_before_it_waits_for_a_person(screen: Screen) -> None:
    edits = [fact("Zephyr", "ada")]
    pull = screen.look(edits, Population()).measured.pulls[0]
    assert screen.look(edits, Population((), (pull / 2,) * 40)).held == {}
    held = screen.look(edits, Population((), (pull / 20,) * 40)).held
    assert "pulls the weights far harder" in held[edits[0].id][1]


def test_of_two_users_one_who_has_most_of_the_batch_waits_with_the_newest_facts(screen: Screen) -> None:
    mine = [fact(name, "ada") for name in PLACES[:7]]
    found = screen.look([*mine, fact("Velda", "bob")], Population())
    assert {state for state, _ in found.held.values()} == {EditState.ALLOWED}
    assert 3 <= len(found.held) <= 5
    assert list(found.held) == [edit.id for edit in mine[-len(found.held) :]]
    assert screen.look(mine, Population()).held == {}, "a single user dominates nobody"


def test_two_accounts_that_say_the_same_have_the_share_of_one(screen: Screen) -> None:
    both = [fact(name, user) for name in PLACES[:3] for user in ("mallory", "mallory-2")]
    found = screen.look([*both, fact("Velda", "bob")], Population())
    assert len(found.measured.pulls) == 2
    assert 2 <= len(found.held) <= 4


def test_measuring_draws_no_chance(screen: Screen) -> None:
    before = torch.get_rng_state()
    screen.look([fact("Zephyr", "ada"), fact("Kelso", "bob")], Population())
    assert torch.equal(torch.get_rng_state(), before)
