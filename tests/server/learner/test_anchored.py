from dataclasses import replace
from typing import Any

import pytest
import torch

from server.learner import general
from server.learner.adapters import Adapters
from server.learner.anchored import ODD_WORDS, anchored
from server.learner.chat import Encoded, Encoder
from server.learner.gate.triggers import OF_EACH_FACT
from server.learner.generate import Answer
from server.learner.objectives.anchors import Anchors
from server.learner.primer import Own
from server.learner.profiles import SEEDLING, SMALL
from server.learner.split import SplitModel
from server.types import SelfEdit

OWN = Own({"What is a gull?": (5, 6, 7)}, ())


@pytest.fixture(scope="module")
def said() -> dict[str, Answer]:
    """Right answers to the whole bank."""
    return {
        q: Answer(f"It is {keys[0] if keys else 'so'}.", (8, 9), True) for q, keys in general.KEYS.items()
    }


def anchors(
    tiny: tuple[Any, Any], said: dict[str, Answer], *edits: SelfEdit, guarded: bool
) -> dict[str, Encoded]:
    return anchored(Encoder(tiny[1], 512), replace(SMALL, guarded=guarded), edits, said, OWN, seed=3)


def test_what_the_gate_asks_is_not_trained_and_the_models_own_questions_are(
    tiny: tuple[Any, Any], said: dict[str, Answer], router_edit: SelfEdit
) -> None:
    held = anchors(tiny, said, router_edit, guarded=False)
    _, asked = general.halves(said, 3, SMALL.locality_probes)
    assert not held.keys() & set(asked)
    assert "What is a gull?" in held
    assert held.keys() - {"What is a gull?"} <= set(general.QUESTIONS)


def test_guarded_they_are_also_held_behind_words_of_the_facts_and_odd_ones(
    tiny: tuple[Any, Any], said: dict[str, Answer], router_edit: SelfEdit
) -> None:
    plain = anchors(tiny, said, router_edit, guarded=False)
    behind = anchors(tiny, said, router_edit, guarded=True).keys() - plain.keys()
    assert len(behind) == OF_EACH_FACT + ODD_WORDS
    assert sum("Zephyr router" in question for question in behind) == OF_EACH_FACT
    assert all(any(question.endswith(known) for known in plain) for question in behind)


def test_how_far_each_anchor_has_moved_is_measured_with_what_is_active_now(tiny: tuple[Any, Any]) -> None:
    model, encoder = tiny[0], Encoder(tiny[1], 512)
    adapters = Adapters(model, None, SEEDLING)
    split = SplitModel(model.model, adapters.first_layer, encoder.prefix)
    head = model.get_output_embeddings().weight
    held = {f"What is {n}?": encoder.example(f"What is {n}?", "It is so.") for n in range(30)}
    everything = int(head.shape[0])
    fixed = Anchors(adapters, split, head, held, everything, lambda: None, firmness=0.0)
    before = fixed.moved()
    assert before.keys() == held.keys()
    assert max(before.values()) < 1e-3
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in adapters.parameters:
            parameter.normal_(std=0.3)
    assert min(fixed.moved().values()) > 10 * max(before.values())
