"""DPO and KTO: the losses against their formulas, and a whole update on feedback on a tiny random model."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from server.learner import profiles
from server.learner.batch import Shot
from server.learner.chat import Encoded
from server.learner.objective import token_losses
from server.learner.objectives.mixture import Mixture
from server.learner.objectives.preference import Preferred
from server.learner.prefer import examined
from server.learner.types import CheckCount, GateReport, Preference, UpdateInput
from server.learner.update import run
from server.types import Message

BETA = 0.3


def shot(name: str, kind: str, answer: tuple[int, ...], group: str = "") -> Shot:
    return Shot("preference", Encoded((1,), answer), 1.0, f"{name} {kind}", group=group)


def test_a_correction_has_the_loss_and_gradient_of_dpo() -> None:
    torch.manual_seed(0)
    head, hidden = torch.randn(40, 8), torch.randn(7, 8)
    tokens = torch.randint(0, 40, (7,))
    shots = [
        shot("p", "chosen", tuple(tokens[:4].tolist()), "p"),
        shot("p", "rejected", tuple(tokens[4:].tolist()), "p"),
    ]
    parent = {"p chosen": -9.0, "p rejected": -5.0}
    ours, plain = hidden.clone().requires_grad_(), hidden.clone().requires_grad_()
    mixture = Mixture({"preference": Preferred(BETA, parent)})
    mixture.begin(shots)
    losses = token_losses(ours, head, tokens[:, None], torch.ones(7, 1))
    loss = mixture.loss(shots, torch.split(losses, [4, 3]))
    loss.backward()  # type: ignore[no-untyped-call]
    said = functional.log_softmax(plain @ head.t(), -1).gather(1, tokens[:, None])[:, 0]
    expected = -functional.logsigmoid(BETA * ((said[:4].sum() + 9) - (said[4:].sum() + 5))) / BETA
    expected.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert ours.grad is not None
    assert plain.grad is not None
    assert torch.allclose(ours.grad, plain.grad, atol=1e-6)


def test_thumbs_have_the_loss_of_kto_with_the_gain_of_strangers_as_zero() -> None:
    strange = Encoded((1,), (3,))
    parent = {"u chosen": -2.0, "d rejected": -2.0}
    drifted = {"u chosen": (strange, -4.0), "d rejected": (strange, -4.0)}
    objective = Preferred(BETA, parent, drifted, lambda some: [-3.0] * len(some))
    shots = [shot("u", "chosen", (5, 6)), shot("d", "rejected", (7,))]
    assert objective.begin(shots) == 2
    loss = objective.loss(shots, [torch.tensor([0.5, 0.5]), torch.tensor([1.5])])
    gain_up, gain_down, drift = -1.0 + 2.0, -1.5 + 2.0, 1.0

    def sigmoid(x: float) -> float:
        return 1 / (1 + math.exp(-x))

    expected = (1 - sigmoid(BETA * (gain_up - drift))) + (1 - sigmoid(BETA * (drift - gain_down)))
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_an_update_is_refused_when_too_few_of_the_wanted_answers_grew() -> None:
    fine = GateReport(True, "every check passed", {"acquisition": CheckCount(0, 0, 0, True)})
    assert examined(fine, ["a"] * 4, 5).accepted
    refused = examined(fine, ["a"] * 3, 5)
    assert (refused.accepted, refused.reason) == (False, "preference 3 of 5, 4 needed")
    assert "acquisition" not in refused.checks


def feedback() -> tuple[Preference, ...]:
    asked = [Message("user", text) for text in ("Greet me.", "Name a colour.", "Count.", "Say yes.")]
    return (
        Preference("p1", "ann", (asked[0],), "Good day.", "Yo."),
        Preference("p2", "bob", (Message("system", "Be odd."), asked[1]), "Teal.", "No."),
        Preference("u1", "ann", (asked[2],), chosen="One, two."),
        Preference("d1", "bob", (asked[3],), rejected="Never."),
        Preference("long", "bob", (asked[3],), "word " * 300, "Never."),
    )


def test_an_update_on_feedback_makes_the_wanted_answers_likelier_and_refuses_what_is_too_long(
    tiny_dir: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = dataclasses.replace(
        profiles.SEEDLING, name="quick", layers=0.5, preference_steps=12, preference_rate=2.0, kl_cap_nats=9.0
    )
    monkeypatch.setitem(profiles.PROFILES, "quick", quick)
    given = UpdateInput(tiny_dir, None, (), (), "quick", seed=5, preferences=feedback())
    result = run(given, cache_dir=tmp_path_factory.mktemp("cache"))
    line = result.report.checks["preference"]
    assert (line.passed, line.asked, line.ok) == (4, 4, True)
    assert result.steps == 12
    assert list(result.refused) == ["long"]
    assert "512" in result.refused["long"]
