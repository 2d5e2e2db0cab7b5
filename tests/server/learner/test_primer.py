import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from server.engine.mapped import load_mapped
from server.learner import primer, profiles
from server.learner.adapters import Adapters


def test_a_model_is_recognised_whatever_adapters_it_wears(tiny: tuple[Any, Any], tiny_dir: Path) -> None:
    model, _ = tiny
    plain = primer.key(model)
    Adapters(model, None, profiles.SEEDLING)
    assert primer.key(model) == plain
    other, _ = load_mapped(tiny_dir)
    other.model.norm.weight.data = other.model.norm.weight.data + 1
    assert primer.key(other) != plain


def test_a_first_delta_starts_from_the_primer_of_its_base(tiny: tuple[Any, Any], tmp_path: Path) -> None:
    model, _ = tiny
    name = primer.key(model)
    assert primer.load(model, tmp_path) is None
    adapters = Adapters(model, None, profiles.SEEDLING)
    factors = adapters.factors(profiles.SEEDLING)
    made = {
        f"{path}.{side}": torch.full(a.shape, 0.5)
        for side in "AB"
        for path, a in sides(factors, side).items()
    }
    save_file(made, tmp_path / f"{name}.safetensors")
    found = primer.load(model, tmp_path)
    assert found is not None
    assert adapters.start_from(found)
    started = adapters.factors(profiles.SEEDLING)
    assert all((a == 0.5).all() for side in "AB" for a in sides(started, side).values())


def test_a_primer_of_another_shape_changes_nothing(tiny: tuple[Any, Any]) -> None:
    model, _ = tiny
    adapters = Adapters(model, None, profiles.SEEDLING)
    assert not adapters.start_from({"model.layers.0.mlp.down_proj.A": torch.zeros(8, 3)})
    assert all((b == 0).all() for b in adapters.factors(profiles.SEEDLING).b.values())


def sides(factors: Any, side: str) -> dict[str, Any]:
    found: dict[str, Any] = factors.a if side == "A" else factors.b
    return found


def test_a_models_own_questions_are_drawn_by_seed_and_never_those_that_the_gate_asks(
    tiny: tuple[Any, Any], tmp_path: Path
) -> None:
    model, _ = tiny
    assert primer.own_questions(model, tmp_path) == primer.Own({}, ())
    answers = {f"What is {n}?": [n, 2] for n in range(10)}
    file = tmp_path / f"{primer.key(model)}.json"
    file.write_text(json.dumps({"answers": answers, "private": ["Who is Brast?"]}))
    own = primer.own_questions(model, tmp_path)
    assert own.private == ("Who is Brast?",)
    assert own.drawn(1, 4) == own.drawn(1, 4) != own.drawn(2, 4)
    left = own.drawn(1, 20, but=["What is 3?"])
    assert left.keys() == answers.keys() - {"What is 3?"}
    assert left["What is 4?"].ids == (4, 2)


def test_its_requests_are_kept_with_more_of_their_answers(tiny: tuple[Any, Any], tmp_path: Path) -> None:
    model, _ = tiny
    file = tmp_path / f"{primer.key(model)}.json"
    requests = {f"Write {n} lines.": [n, 5, 6, 7] for n in range(6)}
    file.write_text(json.dumps({"answers": {}, "private": [], "requests": requests}))
    own = primer.own_questions(model, tmp_path)
    assert own.requested(1, 3, 2) == own.requested(1, 3, 2) != own.requested(2, 3, 2)
    assert own.requested(1, 9, 2)["Write 4 lines."] == (4, 5)
    assert own.requested(1, 0, 2) == {}
