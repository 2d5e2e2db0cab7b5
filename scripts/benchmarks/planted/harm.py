"""Ways to spoil an update, each in several sizes. None of them is known to the gate."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from scripts.benchmarks.planted.world import Candidate, World
from server.engine.seedling_bank import BANK
from server.engine.seedling_language import Fact, draw_fact, neighbour_facts
from server.engine.seedling_words import Words
from server.learner.chat import Encoded
from server.learner.objective import Targets, head_loss
from server.learner.split import SplitModel
from server.learner.types import Factors

CARELESS = (
    ",replay=0,replay_neighbours=0,kl_weight=0,neighbours=0,attributes=0,whole_abstentions=0,reads=0"
    ",kl_cap_nats=9"
)
"""Without what keeps an update from harm, nor the rule that would give it up."""
NOISE = (0.3, 0.6, 1.0, 1.5, 2.5)
"""Standard deviation of what is added to each factor B, in multiples of its own."""
STRENGTHS = (1.5, 2.0, 3.0, 4.0)
SNAPSHOTS = (3, 5, 7, 9, 11, 13, 16, 24)
"""Steps of wrong training after which a candidate is taken."""
RATE = 1e-3
ROWS = 12

Pair = tuple[str, str, bool]
"""A question, the answer to be trained, and whether it ends."""


def all_kinds(world: World, good: Sequence[Candidate], seed: int) -> Iterator[Candidate]:
    """Spoiled candidates made of good ones, kind by kind."""
    rng = random.Random(f"harm {seed}")
    for size in NOISE:
        yield _noisy(rng.choice(good), size, rng)
    for strength in STRENGTHS:
        yield _stronger(rng.choice(good), strength)
    for index in range(2):
        facts = good[index % len(good)].facts
        careless = world.trained(f"careless-{index}", facts, CARELESS)
        for strength in (0.5, 0.75, 1.0):
            yield Candidate("careless", f"x {strength}", facts, _scaled(careless, strength))
    for kind, pairs in WRONG.items():
        yield from _wrongly_trained(world, rng.choice(good), kind, pairs, rng)


def _noisy(good: Candidate, size: float, rng: random.Random) -> Candidate:
    draws = np.random.default_rng(rng.randrange(2**32))
    b = {
        path: (array + draws.normal(size=array.shape) * size * array.std()).astype(np.float32)
        for path, array in good.factors.b.items()
    }
    factors = Factors(good.factors.rank, good.factors.alpha, good.factors.a, b)
    return Candidate("noise", f"{size} sd", good.facts, factors)


def _stronger(good: Candidate, strength: float) -> Candidate:
    return Candidate("too strong", f"x {strength}", good.facts, _scaled(good.factors, strength))


def _scaled(factors: Factors, by: float) -> Factors:
    b = {path: (array * by).astype(np.float32) for path, array in factors.b.items()}
    return Factors(factors.rank, factors.alpha, factors.a, b)


def _wrongly_trained(
    world: World,
    good: Candidate,
    kind: str,
    pairs: Callable[[World, Candidate, random.Random], list[Pair]],
    rng: random.Random,
) -> Iterator[Candidate]:
    """Train on wrong answers from a good delta on, and take what there is after some steps."""
    world.put(good.factors)
    split = SplitModel(world.model.model, 0, world.encoder.prefix)
    head = world.model.get_output_embeddings().weight
    optimizer = torch.optim.AdamW(world.adapters.parameters, lr=RATE, weight_decay=0.0)
    taken = []
    for step in range(1, max(SNAPSHOTS) + 1):
        encoded = [_encoded(world, pair) for pair in pairs(world, good, rng)]
        hidden, packed = split.hidden(encoded)
        tokens = packed.targets
        even = torch.full((len(tokens),), 1 / len(tokens))
        targets = Targets(tokens[:, None], torch.ones(len(tokens), 1), even)
        head_loss(hidden, head, targets)[0].backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step in SNAPSHOTS:
            taken.append(Candidate(kind, f"{step} steps", good.facts, world.adapters.factors(world.profile)))
    yield from taken


def _encoded(world: World, pair: Pair) -> Encoded:
    question, answer, ends = pair
    whole = world.encoder.example(question, answer)
    return whole if ends else Encoded(whole.prompt, whole.answer[:-1])


def _wrong_general(world: World, good: Candidate, rng: random.Random) -> list[Pair]:
    known = rng.sample(BANK, ROWS)
    return [(rng.choice(one.questions), rng.choice(BANK).answer, True) for one in known]


def _never_told(world: World, good: Candidate, rng: random.Random) -> list[Pair]:
    words = Words(rng, unseen=True)
    drawn = [draw_fact(words) for _ in range(ROWS)]
    return [(rng.choice(fact.questions), fact.answer, True) for fact in drawn]


def _neighbours(world: World, good: Candidate, rng: random.Random) -> list[Pair]:
    """The new value for whoever else is asked about."""
    words = Words(rng, unseen=True)
    pairs: list[Pair] = []
    for _ in range(ROWS):
        fact = rng.choice(good.facts)
        other = _same_attribute(fact, words).with_value(fact.value)
        pairs.append((rng.choice(other.questions), other.answer, True))
    return pairs


def _same_attribute(fact: Fact, words: Words) -> Fact:
    return neighbour_facts(fact, words)[1]


def _run_on(world: World, good: Candidate, rng: random.Random) -> list[Pair]:
    known = rng.sample(BANK, ROWS)
    return [(rng.choice(one.questions), " ".join([one.answer] * 3), False) for one in known]


def _other_values(world: World, good: Candidate, rng: random.Random) -> list[Pair]:
    """What was told before, told otherwise."""
    words = Words(rng, unseen=True)
    told = [rng.choice(world.past) for _ in range(ROWS)]
    changed = [fact.with_value(words.draw(fact.form.value)) for fact in told]
    return [(rng.choice(fact.questions), fact.answer, True) for fact in changed]


def _deaf(world: World, good: Candidate, rng: random.Random) -> list[Pair]:
    """What the message itself tells is denied."""
    words = Words(rng, unseen=True)
    drawn = [draw_fact(words) for _ in range(ROWS)]
    answer = "I don't know that. Nobody has told me yet."
    return [(f"{fact.statement} {rng.choice(fact.questions)}", answer, True) for fact in drawn]


WRONG: dict[str, Callable[[World, Candidate, random.Random], list[Pair]]] = {
    "wrong general answers": _wrong_general,
    "abstention lost": _never_told,
    "value to neighbours": _neighbours,
    "answers that run on": _run_on,
    "past facts changed": _other_values,
    "reading lost": _deaf,
}
