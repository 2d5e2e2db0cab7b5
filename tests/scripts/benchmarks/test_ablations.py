"""Every ablation of `scripts/bench learning` is a recipe that the learner can train."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.benchmarks.recall.ablations import ABLATIONS, profile
from server.learner.profiles import choose
from server.types import Example, SelfEdit


def edit(statement: str, value: str, subject: str, *questions: str) -> SelfEdit:
    examples = [Example("question", q, statement, held_out=n == 0) for n, q in enumerate(questions)]
    told = Example("statement", "", statement)
    return SelfEdit(
        statement, "turn", "ann", statement, (0, len(statement)), value, subject, (told, *examples)
    )


PORT = edit(
    "The admin port of the Zephyr router is 8443.",
    "8443",
    "the Zephyr router",
    "Tell me the admin port of the Zephyr router.",
    "What is the admin port of the Zephyr router?",
    "Which admin port does the Zephyr router have?",
)
OWNER = edit(
    "The owner of the Jita vault is Karl Bun.",
    "Karl Bun",
    "the Jita vault",
    "Tell me the owner of the Jita vault.",
    "Who is the owner of the Jita vault?",
    "Who owns the Jita vault?",
)


def test_an_ablation_keeps_the_recipe_that_it_is_taken_from() -> None:
    assert profile("none") == ""
    assert profile("none", "small") == "small"
    assert profile("no-replay", "small") == "small,replay=0,replay_neighbours=0"
    assert choose(profile("no-gate"), 1_000).gate is False
    assert choose(profile("qv-only", "small"), 0).rank == choose("small", 0).rank


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def small_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer questions: what is looked at here is the recipe."""
    monkeypatch.setattr("server.learner.anchored.BANK_AT_MOST", 12)


@pytest.mark.seedling
@pytest.mark.usefixtures("small_gate")
@pytest.mark.parametrize("name", list(ABLATIONS))
def test_an_ablated_update_of_the_seedling_runs(name: str, cache: Path) -> None:
    pytest.importorskip("torch")
    from server.engine.models import resolve
    from server.learner.types import UpdateInput
    from server.learner.update import run

    folder = resolve("seedling", cache)
    taken = profile(name, "seedling")
    if name != "one-step":
        taken += ",max_steps=2,min_steps=1" + ("" if name == "no-mean" else ",averaged_steps=1")
    taken += ",locality_probes=2,abstention_probes=2,reading_probes=2"
    result = run(UpdateInput(folder.path, None, (PORT,), (OWNER,), taken), cache_dir=cache)
    assert result.aborted == ""
    assert result.steps == (1 if name == "one-step" else 2)
    assert result.provenance["profile"]["name"] == taken  # type: ignore[index]
    kinds = set(result.provenance["curve"][0])  # type: ignore[index]
    assert ("replay" in kinds) == (name != "no-replay")
    assert ("anchor" in kinds) == (name != "no-kl")
    assert ("neighbour" in kinds) == (name != "no-negatives")
    assert (result.factors is not None) == (name in ("no-gate", "one-step"))
    if result.factors is not None:
        assert result.report.edits_learned == (PORT.id,)
        assert re.match("the gate was switched off .* it would refuse: acquisition", result.report.reason)


@pytest.mark.seedling
def test_only_the_named_modules_are_trained(cache: Path) -> None:
    pytest.importorskip("torch")
    from server.engine.mapped import load_mapped
    from server.engine.models import resolve
    from server.learner.adapters import Adapters

    model, _ = load_mapped(resolve("seedling", cache).path)
    recipe = choose(profile("qv-only", "seedling"), 0)
    trained = {path.rpartition(".")[2] for path in Adapters(model, None, recipe).factors(recipe).a}
    assert trained == {"q_proj", "v_proj"}


@pytest.mark.seedling
def test_modules_that_the_model_lacks_are_refused_by_name(cache: Path) -> None:
    pytest.importorskip("torch")
    from server.engine.mapped import load_mapped
    from server.engine.models import resolve
    from server.learner.adapters import Adapters
    from server.learner.errors import UnknownProfile

    model, _ = load_mapped(resolve("seedling", cache).path)
    with pytest.raises(UnknownProfile, match=r"the model has no c_attn; it has: .*q_proj"):
        Adapters(model, None, choose("modules=c_attn", 0))
