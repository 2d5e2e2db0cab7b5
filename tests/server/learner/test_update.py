"""The whole update on a tiny random model: plumbing, refusals, determinism. Not covered: what it teaches."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from server.learner import profiles, update
from server.learner.development import Development
from server.learner.errors import EmptyUpdate, NoChatTemplate, UnknownProfile, WrongParent
from server.learner.stop import StopRule
from server.learner.types import Population, UpdateInput, UpdateResult
from server.learner.update import run
from server.types import EditState, Example, SelfEdit

QUICK = dataclasses.replace(
    profiles.SEEDLING,
    name="quick",
    layers=0.5,
    min_steps=2,
    max_steps=4,
    averaged_steps=1,
    kl_cap_nats=9.0,
    locality_probes=4,
    abstention_probes=4,
    reading_probes=4,
    trigger_probes=2,
)


@pytest.fixture(autouse=True)
def quick_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(profiles.PROFILES, "quick", QUICK)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keeps the base's answers between tests, as the learner process does between updates."""
    return tmp_path_factory.mktemp("cache")


def given(model_dir: Path, *edits: SelfEdit, **changes: object) -> UpdateInput:
    base = UpdateInput(model_dir, None, tuple(edits), (), "quick", seed=5)
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]


def test_the_same_input_and_seed_give_the_same_bytes(
    tiny_dir: Path, cache: Path, router_edit: SelfEdit, refund_edit: SelfEdit
) -> None:
    def digest(seed: int) -> object:
        return run(given(tiny_dir, router_edit, refund_edit, seed=seed), cache_dir=cache).provenance[
            "factors_sha256"
        ]

    assert digest(5) == digest(5)
    assert digest(5) != digest(6)


def test_what_is_compared_before_the_first_step_changes_nothing_of_an_update_that_holds_nothing_back(
    tiny_dir: Path, cache: Path, router_edit: SelfEdit
) -> None:
    alone = run(given(tiny_dir, router_edit), cache_dir=cache)
    usual = Population((*alone.measured.losses,) * 40, (*alone.measured.pulls,) * 40)
    compared = run(given(tiny_dir, router_edit, population=usual), cache_dir=cache)
    assert compared.held_back == {}
    assert compared.provenance["factors_sha256"] == alone.provenance["factors_sha256"]


def test_a_fact_that_is_held_back_is_not_trained(tiny_dir: Path, cache: Path, router_edit: SelfEdit) -> None:
    result = run(given(tiny_dir, router_edit, population=Population((0.1,) * 40)), cache_dir=cache)
    assert result.factors is None
    assert result.held_back[router_edit.id][0] is EditState.QUARANTINED
    assert (result.steps, result.report.reason) == (0, "every new fact was held back before training")


def test_a_step_computed_in_parts_is_the_same_step(
    tiny_dir: Path, cache: Path, router_edit: SelfEdit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def norms(tokens: int) -> list[float]:
        monkeypatch.setattr(update, "PART_TOKENS", tokens)
        curve = run(given(tiny_dir, router_edit), cache_dir=cache).provenance["curve"]
        assert isinstance(curve, list)
        return [step["norm"] for step in curve]

    assert norms(120) == pytest.approx(norms(10**9), rel=0.02)


def test_a_model_that_cannot_learn_is_refused_by_the_gate_and_nothing_may_be_served(
    tiny_dir: Path, cache: Path, router_edit: SelfEdit
) -> None:
    result = run(given(tiny_dir, router_edit), cache_dir=cache)
    assert result.factors is None
    assert not result.report.accepted
    assert "acquisition 0 of 1" in result.report.reason
    assert result.report.checks["moved"].ok
    assert result.steps == QUICK.max_steps
    json.dumps(result.provenance)


def test_training_leaves_the_base_weights_as_they_were(
    tiny_dir: Path, cache: Path, router_edit: SelfEdit
) -> None:
    before = (tiny_dir / "model.safetensors").read_bytes()
    run(given(tiny_dir, router_edit), cache_dir=cache)
    assert (tiny_dir / "model.safetensors").read_bytes() == before


def test_the_server_can_hold_the_training_between_micro_steps(
    tiny_dir: Path, cache: Path, router_edit: SelfEdit
) -> None:
    held: list[int] = []
    told: list[tuple[str, float]] = []
    run(
        given(tiny_dir, router_edit),
        yield_hook=lambda: held.append(1),
        progress=lambda phase, fraction: told.append((phase, fraction)),
        cache_dir=cache,
    )
    assert len(held) > 2 * QUICK.max_steps
    assert {phase for phase, _ in told} == {"probe", "train", "gate"}


@pytest.mark.parametrize(("facts", "steps"), [(1, 3), (2, 5)])
def test_each_further_fact_is_trained_some_steps_before_the_stop_rule_is_asked(
    tiny_dir: Path,
    cache: Path,
    router_edit: SelfEdit,
    refund_edit: SelfEdit,
    facts: int,
    steps: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(StopRule, "trained_enough", lambda self: True)
    monkeypatch.setattr(Development, "passed", lambda self, facts: True)
    recipe = dataclasses.replace(QUICK, name="quick", check_every=1, least_per_fact=2, max_steps=9)
    monkeypatch.setitem(profiles.PROFILES, "quick", recipe)
    result = run(given(tiny_dir, *(router_edit, refund_edit)[:facts]), cache_dir=cache)
    assert result.steps == steps, "two at least, two more for a further fact, and one for the mean"
    assert result.provenance["stopped"] == "recalled"


def test_a_parent_stays_frozen_under_the_fresh_delta(
    tiny_dir: Path, tmp_path: Path, cache: Path, router_edit: SelfEdit, refund_edit: SelfEdit
) -> None:
    parent = make_parent(tmp_path / "parent", 64)
    before = (parent / "adapter_model.safetensors").read_bytes()
    update = given(tiny_dir, router_edit, parent_dir=parent, past=(refund_edit,))
    with_parent = run(update, cache_dir=cache)
    alone = run(given(tiny_dir, router_edit, past=(refund_edit,)), cache_dir=cache)
    assert with_parent.provenance["factors_sha256"] != alone.provenance["factors_sha256"]
    assert (parent / "adapter_model.safetensors").read_bytes() == before
    curve = with_parent.provenance["curve"]
    assert isinstance(curve, list)
    assert all("replay" in step for step in curve)


def test_a_lone_fact_on_a_parent_takes_little_of_the_rank_budget_and_says_what_the_next_may_take(
    tiny_dir: Path, tmp_path: Path, cache: Path, router_edit: SelfEdit, refund_edit: SelfEdit
) -> None:
    parent = make_parent(tmp_path / "parent", 64)
    told = {
        "one fact": given(tiny_dir, router_edit, parent_dir=parent),
        "two facts": given(tiny_dir, router_edit, refund_edit, parent_dir=parent),
        "on the base": given(tiny_dir, router_edit),
    }
    made = {name: run(update, cache_dir=cache).provenance for name, update in told.items()}
    profile = {name: provenance["profile"] for name, provenance in made.items()}
    assert {name: (p["rank"], p["alpha"]) for name, p in profile.items()} == {  # type: ignore[index]
        "one fact": (2, 4),
        "two facts": (4, 8),
        "on the base": (8, 16),
    }
    assert {provenance["next_rank"] for provenance in made.values()} == {8}


def test_a_parent_of_another_base_is_refused_by_name(
    tiny_dir: Path, tmp_path: Path, cache: Path, router_edit: SelfEdit
) -> None:
    parent = make_parent(tmp_path / "parent", 65)
    with pytest.raises(WrongParent, match=re.escape("model.layers.0.mlp.down_proj")):
        run(given(tiny_dir, router_edit, parent_dir=parent), cache_dir=cache)


def test_an_update_without_edits_or_questions_is_refused(tiny_dir: Path, refund_edit: SelfEdit) -> None:
    with pytest.raises(EmptyUpdate, match="no edits"):
        run(given(tiny_dir))
    silent = dataclasses.replace(refund_edit, examples=refund_edit.examples[:1])
    with pytest.raises(EmptyUpdate, match="refund window"):
        run(given(tiny_dir, silent))


def test_a_fact_longer_than_the_context_is_refused_by_name_before_anything_is_trained(
    tiny_dir: Path, router_edit: SelfEdit
) -> None:
    long = dataclasses.replace(
        router_edit, examples=(Example("question", "What " * 200, router_edit.statement),)
    )
    result = run(given(tiny_dir, long))
    assert result.factors is None
    assert re.search(r"has \d+ tokens and the context of the model is 512", result.refused[long.id])


def test_a_model_without_a_chat_template_is_refused_with_what_to_do(
    tiny_dir: Path, tmp_path: Path, router_edit: SelfEdit
) -> None:
    folder = tmp_path / "mute"
    shutil.copytree(tiny_dir, folder)
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(NoChatTemplate, match=r"add chat_template\.jinja"):
        run(given(folder, router_edit))


def test_an_unknown_profile_is_refused_with_the_names_there_are(
    tiny_dir: Path, router_edit: SelfEdit
) -> None:
    with pytest.raises(UnknownProfile, match="seedling, small, large"):
        run(given(tiny_dir, router_edit, profile="medium"))


def test_the_bases_answers_are_kept_between_updates_and_made_again_when_damaged(
    tiny_dir: Path, tmp_path: Path, router_edit: SelfEdit
) -> None:
    results: list[UpdateResult] = [run(given(tiny_dir, router_edit), cache_dir=tmp_path)]
    (file,) = tmp_path.glob("general-*.json")
    kept = file.read_text()
    file.write_text(kept[:50])
    results.append(run(given(tiny_dir, router_edit), cache_dir=tmp_path))
    assert file.read_text() == kept
    assert results[0].provenance["factors_sha256"] == results[1].provenance["factors_sha256"]


def make_parent(folder: Path, width: int) -> Path:
    """A composed PEFT folder of rank 2 on one module of the tiny model; a wrong width makes it a stranger."""
    folder.mkdir(parents=True)
    module = "base_model.model.model.layers.0.mlp.down_proj"
    rng = np.random.default_rng(0)
    tensors = {
        f"{module}.lora_A.weight": rng.normal(size=(2, width)).astype(np.float32),
        f"{module}.lora_B.weight": rng.normal(size=(32, 2)).astype(np.float32),
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "r": 2,
        "lora_alpha": 2,
        "target_modules": ["model.layers.0.mlp.down_proj"],
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder
