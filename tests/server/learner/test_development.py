"""What the stop rule asks: would the new facts be answered, and what is next to them refused."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from server.engine.mapped import load_mapped
from server.engine.models import resolve
from server.learner.chat import Encoder
from server.learner.development import Development
from server.learner.profiles import SEEDLING, Profile
from server.learner.split import SplitModel
from server.types import ABSTENTION, SelfEdit
from tests.server.learner.conftest import make_edit

ALONE = dataclasses.replace(SEEDLING, neighbours=0, attributes=0, crossed=0)


@pytest.fixture(scope="module")
def seedling(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    return load_mapped(Path(resolve("seedling", tmp_path_factory.mktemp("home")).path))


def passed(loaded: tuple[Any, Any], edit: SelfEdit, profile: Profile, facts: float = 1.0) -> bool:
    model, tokenizer = loaded
    encoder = Encoder(tokenizer, 512)
    split = SplitModel(model.model, 0, encoder.prefix)
    head = model.get_output_embeddings().weight
    return Development(split, head, encoder, [edit], [], profile, seed=1).passed(facts)


def denied(edit: SelfEdit) -> SelfEdit:
    """The same, with an abstention where the answer was."""
    examples = tuple(dataclasses.replace(e, completion=ABSTENTION) for e in edit.examples)
    return dataclasses.replace(edit, examples=examples)


def test_a_fact_that_nobody_told_is_not_answered(seedling: tuple[Any, Any], router_edit: SelfEdit) -> None:
    assert not passed(seedling, router_edit, SEEDLING)


def test_what_the_model_would_say_word_for_word_is_answered_and_its_neighbours_are_refused(
    seedling: tuple[Any, Any], router_edit: SelfEdit
) -> None:
    assert passed(seedling, denied(router_edit), SEEDLING)


def test_a_share_of_the_facts_may_be_enough(seedling: tuple[Any, Any], router_edit: SelfEdit) -> None:
    assert passed(seedling, router_edit, SEEDLING, facts=0.0)


def test_a_model_that_answers_next_to_its_facts_has_not_passed(
    tiny: tuple[Any, Any], router_edit: SelfEdit
) -> None:
    assert not passed(tiny, router_edit, SEEDLING, facts=0.0)


def test_a_recipe_without_neighbours_is_not_held_to_them(
    tiny: tuple[Any, Any], router_edit: SelfEdit
) -> None:
    assert passed(tiny, router_edit, ALONE, facts=0.0)


def test_a_fact_without_development_wordings_counts_as_answered(tiny: tuple[Any, Any]) -> None:
    edit = make_edit("The port is 1.", "1", "the port", ("What is the port?",))
    assert passed(tiny, edit, ALONE)


def test_past_facts_that_the_parent_answered_must_still_be(
    seedling: tuple[Any, Any], router_edit: SelfEdit
) -> None:
    model, tokenizer = seedling
    encoder, head = Encoder(tokenizer, 512), model.get_output_embeddings().weight
    split = SplitModel(model.model, 0, encoder.prefix)
    new = make_edit("The port is 1.", "1", "the port", ("What is the port?",))
    answered, never = denied(router_edit), router_edit
    development = Development(split, head, encoder, [new], [answered, never], ALONE, seed=1)
    assert development.passed(), "what the parent does not answer is not held against the update"
    head.data.neg_()
    assert not development.passed()
    head.data.neg_()
