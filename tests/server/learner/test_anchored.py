from dataclasses import replace
from typing import Any

import pytest
import torch

from server.learner import general
from server.learner.adapters import Adapters
from server.learner.anchored import Anchor, anchored
from server.learner.chat import Encoder
from server.learner.gate import requests
from server.learner.generate import Answer
from server.learner.objectives.anchors import Anchors
from server.learner.primer import Own
from server.learner.profiles import SEEDLING, SMALL
from server.learner.sizes import BEHIND_ODD, BEHIND_WORDS
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
    tiny: tuple[Any, Any], said: dict[str, Answer], *edits: SelfEdit, guards: int
) -> dict[str, Anchor]:
    return anchored(Encoder(tiny[1], 512), replace(SMALL, guards=guards), edits, said, OWN, seed=3)


def test_what_the_gate_asks_is_not_trained_and_the_models_own_questions_are(
    tiny: tuple[Any, Any], said: dict[str, Answer], router_edit: SelfEdit
) -> None:
    held = anchors(tiny, said, router_edit, guards=0)
    _, asked = general.halves(said, 3, SMALL.locality_probes)
    assert not held.keys() & set(asked)
    assert "What is a gull?" in held
    assert held.keys() - {"What is a gull?"} <= set(general.QUESTIONS)


def test_guarded_they_are_also_held_behind_words_of_the_facts_and_odd_ones(
    tiny: tuple[Any, Any], said: dict[str, Answer], router_edit: SelfEdit
) -> None:
    plain = anchors(tiny, said, router_edit, guards=0)
    guarded = anchors(tiny, said, router_edit, guards=2)
    behind = guarded.keys() - plain.keys()
    assert {guarded[question].sort for question in behind} == {"guard"}
    assert {anchor.sort for anchor in plain.values()} == {"anchor"}
    assert len(behind) == BEHIND_WORDS + BEHIND_ODD
    assert sum("Zephyr router" in question for question in behind) == BEHIND_WORDS
    assert all(any(question.endswith(known) for known in plain) for question in behind)


def test_requests_are_held_with_more_of_their_answers(
    tiny: tuple[Any, Any], said: dict[str, Answer], router_edit: SelfEdit
) -> None:
    own = Own({}, (), {"Write about gulls.": tuple(range(5, 85)), "Write about owls.": (5, 6)})
    encoder = Encoder(tiny[1], 512)
    held = anchored(encoder, SMALL, (router_edit,), said, own, seed=3)
    assert len(held["Write about gulls."].answer) == SMALL.request_tokens > SMALL.anchor_tokens
    assert held["Write about owls."] == Anchor(encoder.prompt("Write about owls."), (5, 6), "request")
    without = anchored(encoder, replace(SMALL, requests=0), (router_edit,), said, own, seed=3)
    assert held.keys() - without.keys() == own.requests.keys()


def test_what_the_base_declines_is_held_among_the_requests(
    tiny: tuple[Any, Any], said: dict[str, Answer], router_edit: SelfEdit
) -> None:
    asked, left = requests.parted(3, SMALL.safety_probes)
    assert sorted([*asked, *left]) == sorted(requests.HARMFUL)
    assert requests.parted(3, SMALL.safety_probes) == (asked, left) != requests.parted(4, SMALL.safety_probes)
    encoder, no = Encoder(tiny[1], 512), Answer("I cannot help with that.", tuple(range(5, 30)), ended=True)
    held = anchored(encoder, SMALL, (router_edit,), said, OWN, 3, {left[0]: no})
    assert held[left[0]].sort == "request"
    assert held[left[0]].answer[:25] == no.ids


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
