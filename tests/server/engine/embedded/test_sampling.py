"""Drawing tokens."""

from __future__ import annotations

import math
import random
from collections import Counter

import torch

from server.engine.embedded.sampling import choose, log_probabilities
from server.engine.types import Sampling

LOGITS = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))


def draws(sampling: Sampling, logits: torch.Tensor = LOGITS, count: int = 4000) -> Counter[int | None]:
    rng = random.Random(1)
    return Counter(choose(logits[None], [sampling], [rng])[0] for _ in range(count))


def test_temperature_zero_takes_the_most_probable() -> None:
    assert draws(Sampling(temperature=0), count=5) == {0: 5}


def test_temperature_one_draws_with_the_models_probabilities() -> None:
    seen = draws(Sampling(temperature=1))
    for token, probability in enumerate(LOGITS.exp().tolist()):
        assert abs(seen[token] / 4000 - probability) < 0.03


def test_a_high_temperature_flattens_and_a_tiny_one_is_greedy() -> None:
    assert max(draws(Sampling(temperature=50)).values()) < 1200
    assert draws(Sampling(temperature=1e-6), count=50) == {0: 50}


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    assert set(draws(Sampling(temperature=1, top_p=0.5))) == {0}
    assert set(draws(Sampling(temperature=1, top_p=0.6))) == {0, 1}
    assert set(draws(Sampling(temperature=1, top_p=0.0))) == {0}


def test_a_nucleus_larger_than_the_shortcut_is_whole() -> None:
    seen = draws(Sampling(temperature=1, top_p=0.99), torch.zeros(1000), 6000)
    assert 950 < len(seen) <= 991


def test_a_row_that_is_not_finite_gives_no_token_and_spoils_no_other() -> None:
    logits = torch.stack([LOGITS, LOGITS, LOGITS])
    logits[1, 2] = float("nan")
    rngs = [random.Random(0) for _ in range(3)]
    assert choose(logits, [Sampling()] * 3, rngs) == [0, None, 0]
    drawn = choose(logits, [Sampling(temperature=1)] * 3, rngs)
    assert drawn[1] is None
    assert drawn[0] == drawn[2]


def test_a_row_draws_the_same_beside_other_rows() -> None:
    warm = Sampling(temperature=1, top_p=0.9)
    alone = [choose(LOGITS[None], [warm], [random.Random(n)])[0] for n in range(20)]
    logits = torch.stack([LOGITS.flip(0), LOGITS, LOGITS])
    rows = [Sampling(), warm, Sampling(temperature=3)]
    beside = [
        choose(logits, rows, [random.Random(0), random.Random(n), random.Random(7)])[1] for n in range(20)
    ]
    assert beside == alone


def test_log_probabilities_are_of_the_model_before_temperature() -> None:
    own, others = log_probabilities(LOGITS + 5, 1, 2)
    assert math.isclose(own, math.log(0.3), abs_tol=1e-5)
    assert [token for token, _ in others] == [0, 1]
    assert math.isclose(others[0][1], math.log(0.5), abs_tol=1e-5)
    assert log_probabilities(LOGITS, 1, 0)[1] == []
    assert len(log_probabilities(LOGITS, 1, 20)[1]) == 4
