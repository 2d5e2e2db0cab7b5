"""Consolidation on a tiny random model: where it begins, what it is held to, that it is repeatable.
Not covered: that it keeps what was learned, which docs/decisions.md has measured on seedling."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from server.engine.mapped import load_mapped
from server.learner import consolidate, profiles, truncate
from server.learner.adapters import Adapters
from server.learner.chat import Encoder
from server.learner.split import SplitModel
from server.learner.types import Consolidation, UpdateInput
from server.types import SelfEdit

QUICK = dataclasses.replace(
    profiles.SEEDLING,
    name="quick",
    min_steps=2,
    max_steps=4,
    averaged_steps=1,
    kl_cap_nats=9.0,
    rank=2,
    alpha=4,
)
SIZES = {"q_proj": (32, 32), "k_proj": (32, 16), "v_proj": (32, 16), "o_proj": (32, 32)} | {
    "gate_proj": (32, 64),
    "up_proj": (32, 64),
    "down_proj": (64, 32),
}


@pytest.fixture(autouse=True)
def quick_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(profiles.PROFILES, "quick", QUICK)
    monkeypatch.setattr(consolidate, "LEAST_PER_ROUND", 2)
    monkeypatch.setattr(consolidate, "MOST_PER_ROUND", 4)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A composed PEFT folder of rank 6 over every linear map of the tiny model."""
    folder = tmp_path_factory.mktemp("stack")
    rng = np.random.default_rng(0)
    tensors, targets = {}, []
    for layer in range(4):
        for name, (width, out) in SIZES.items():
            part = "self_attn" if name[0] in "qkvo" else "mlp"
            path = f"model.layers.{layer}.{part}.{name}"
            targets.append(path)
            a, b = rng.normal(size=(6, width)), rng.normal(size=(out, 6)) * 0.02
            tensors[f"base_model.model.{path}.lora_A.weight"] = a.astype(np.float32)
            tensors[f"base_model.model.{path}.lora_B.weight"] = b.astype(np.float32)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "r": 6, "lora_alpha": 6, "target_modules": targets}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def given(model_dir: Path, stack: Path, edits: tuple[SelfEdit, ...], **plan: object) -> UpdateInput:
    consolidation = Consolidation(rank_limit=16, **plan)  # type: ignore[arg-type]
    return UpdateInput(model_dir, stack, edits, (), "quick", seed=5, consolidation=consolidation)


def test_truncation_to_the_full_rank_is_exact_and_below_it_the_nearest() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(6, 20), torch.randn(30, 6)
    whole = b @ a
    exact_a, exact_b = truncate.truncated(a, b, 6)
    assert torch.allclose(exact_b @ exact_a, whole, atol=1e-4)
    low_a, low_b = truncate.truncated(a, b, 3)
    left = torch.linalg.matrix_norm(whole - low_b @ low_a)
    assert left.item() == pytest.approx(torch.linalg.svdvals(whole)[3:].norm().item(), rel=1e-4)


def test_with_rank_enough_the_delta_begins_as_the_stack(tiny_dir: Path, stack: Path) -> None:
    model, tokenizer = load_mapped(tiny_dir)
    profile = dataclasses.replace(QUICK, rank=6, alpha=12)
    adapters = Adapters(model, stack, profile, replaces=True)
    split = SplitModel(model.model, 0, ())
    asked = [Encoder(tokenizer, 512).example("Which port has the router?", "Port 8443.")]
    ids = torch.tensor([[5, 9, 40, 7]])
    with adapters.parent_alone(), torch.no_grad():
        stacked = model(ids).logits
    with adapters.base_alone(), torch.no_grad():
        base = model(ids).logits
    assert adapters.start_from(truncate.stack(adapters, "parent", profile, split, asked))
    with torch.no_grad():
        begun = model(ids).logits
    assert torch.allclose(begun, stacked, atol=1e-3)
    assert not torch.allclose(base, stacked, atol=1e-2)


def test_a_stack_that_is_in_the_way_is_truncated_then_less_and_then_trained() -> None:
    first, second, third = (
        consolidate.stretched(QUICK, Consolidation(32, attempt), facts=10) for attempt in range(3)
    )
    assert (first.max_steps, second.max_steps) == (0, 0)
    assert (first.rank, second.rank, third.rank) == (10, 24, 10)
    assert third.max_steps > 0
    assert third.learning_rate == QUICK.learning_rate / 4


def test_a_stack_that_moved_the_rest_too_far_is_trained_calmly_and_a_third_try_is_larger() -> None:
    first, second, third = (
        consolidate.stretched(QUICK, Consolidation(32, attempt, calming=True), facts=3)
        for attempt in range(3)
    )
    for one in (first, second, third):
        assert one.learning_rate == QUICK.learning_rate / 4
        assert one.kl_weight == 4 * QUICK.kl_weight
        assert one.alpha / one.rank == QUICK.alpha / QUICK.rank
    assert (first.rank, second.rank, third.rank) == (4, 4, 8)
    assert (second.max_steps, third.max_steps) == (first.max_steps, 2 * first.max_steps)


def test_what_must_not_begin_as_the_stack_learns_at_the_full_rate() -> None:
    first, second, third = (
        consolidate.stretched(QUICK, Consolidation(16, attempt, from_stack=False), facts=3)
        for attempt in range(3)
    )
    assert first.learning_rate == QUICK.learning_rate
    assert second.learning_rate == third.learning_rate == QUICK.learning_rate / 2
    assert third.max_steps == 2 * first.max_steps


def test_the_rank_of_a_consolidating_delta_grows_with_its_facts_up_to_half_of_what_may_be_served() -> None:
    ranks = [consolidate.stretched(QUICK, Consolidation(64), facts).rank for facts in (3, 20, 50, 500)]
    assert ranks == [2 * QUICK.rank, 20, 32, 32]


def test_a_consolidating_delta_leaves_room_for_the_next_one() -> None:
    assert consolidate.stretched(QUICK, Consolidation(5, attempt=2), facts=3).rank == 3


def test_of_less_rank_it_is_nearest_on_the_questions_that_it_is_there_for(
    tiny_dir: Path, stack: Path
) -> None:
    model, tokenizer = load_mapped(tiny_dir)
    profile = dataclasses.replace(QUICK, rank=3, alpha=3)
    adapters = Adapters(model, stack, profile, replaces=True)
    split = SplitModel(model.model, 0, ())
    questions = ("Which port has the router?", "When does the library open?", "Who leads the team?")
    asked = [Encoder(tokenizer, 512).example(question, "Port 8443.") for question in questions]
    seen: list[torch.Tensor] = []
    module = adapters.sites()["model.layers.0.mlp.gate_proj"]
    hook = module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0][0].detach()))
    with adapters.parent_alone(), torch.no_grad():
        for one in asked:
            model(torch.tensor([one.ids]))
    hook.remove()
    inputs = torch.cat(seen)
    a, b = adapters.product(module, ["parent"])
    found = truncate.stack(adapters, "parent", profile, split, asked)
    near_a, near_b = (found[f"model.layers.0.mlp.gate_proj.{side}"] for side in "AB")
    plain_a, plain_b = truncate.truncated(a, b, 3)
    missing = [
        float((inputs @ (b @ a - its_b @ its_a).T).norm())
        for its_a, its_b in ((near_a, near_b), (plain_a, plain_b))
    ]
    assert missing[0] < missing[1]


@pytest.mark.parametrize("calming", [False, True])
def test_the_same_input_gives_the_same_bytes_and_what_was_withdrawn_has_no_part_in_them(
    tiny_dir: Path, stack: Path, cache: Path, router_edit: SelfEdit, calming: bool
) -> None:
    edits = (router_edit,)
    first, again, alone = (
        consolidate.run(
            given(tiny_dir, stack, edits, from_stack=from_stack, calming=calming), cache_dir=cache
        )
        for from_stack in (True, True, False)
    )
    digests = [result.provenance["factors_sha256"] for result in (first, again, alone)]
    assert digests[0] == digests[1] != digests[2]
    assert first.provenance["next_rank"] == 2
    assert [result.provenance["primed"] for result in (first, alone)] == [True, False]
    assert json.loads(json.dumps(first.provenance))["consolidation"]["from_stack"] is True
    report = first.report
    assert report.checks["recall of all facts"].detail == "the stack: 0 of 1"
    assert report.drift is not None
    assert report.drift.norm > 0
    assert report.checks["drift"].detail.startswith(f"{report.drift.kl_nats:.4f} nats a token")
