"""Train the primer of a base model: the head start of its first delta (server/learner/primer.py).

Usage: python -m scripts.train_primer MODEL_FOLDER [--steps 160] [--threads 2] [--out DIR]

It teaches one thing: a question about private matters that nobody has told is answered with the abstention
sentence, while general questions keep the base's own answers and what stands in the conversation is still
read from it. Everything is made up from a fixed seed or by the model itself (scripts/own_questions.py, which
runs before); no fact is taught.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from scripts.benchmarks.common import plain
from scripts.own_questions import families, graded
from server.engine.mapped import load_mapped
from server.engine.seedling_language import draw_fact
from server.engine.seedling_words import Words
from server.learner import general, primer, words
from server.learner.adapters import Adapters
from server.learner.chat import Encoded, Encoder
from server.learner.neighbours import made_up_name
from server.learner.objective import Targets, head_loss
from server.learner.objectives.anchors import Anchors
from server.learner.profiles import choose
from server.learner.reading import told_in_conversation
from server.learner.sealed import sealed
from server.learner.split import SplitModel
from server.learner.surfaces import vary
from server.types import ABSTENTION

TOP_K = 256
KL_WEIGHT = 20.0
RATE = 8e-4
DAMPING = 0.03
ANCHOR_TOKENS, REQUEST_TOKENS = 10, 48
DECAY = 1.0
TOLD, READ, HELD, REQUESTED = 7, 4, 20, 6
"""Examples in a step: private questions, conversations with a fact in them, general questions, requests."""
OWN_SHARE = 0.35
"""Of the private questions, those that the model made up."""


def general_questions() -> tuple[str, ...]:
    """The learner's bank, but for what is left out of training, and the families."""
    left_out = graded()
    bank = [q for q in general.QUESTIONS if plain(q) not in left_out and not sealed(q)]
    return tuple(dict.fromkeys([*bank, *families()]))


def named_thing(rng: random.Random) -> str:
    """'my garden', 'the Kelvo router', 'Project Brast', 'Anna's newsletter'."""
    if rng.random() < 0.3:
        return f"{rng.choice(('my', 'our'))} {rng.choice(words.THINGS)}"
    pools = (words.PLACES, words.FIRST_NAMES, words.LAST_NAMES)
    name = made_up_name(rng) if rng.random() < 0.5 else rng.choice(rng.choice(pools))
    if rng.random() < 0.2:
        return f"{name}'s {rng.choice(words.THINGS)}"
    kind = rng.choice(words.KINDS)
    return f"Project {name}" if kind == "project" else f"the {name} {kind}"


def private_question(rng: random.Random, own: Sequence[str]) -> str:
    """Something that only somebody who was told could answer."""
    if own and rng.random() < OWN_SHARE:
        return rng.choice(own)
    way = rng.random()
    if way < 0.45:
        return rng.choice(draw_fact(Words(rng, unseen=rng.random() < 0.5)).questions)
    if way < 0.8:
        return rng.choice(words.THING_QUESTIONS)[0].format(named_thing(rng))
    first = made_up_name(rng) if rng.random() < 0.5 else rng.choice(words.FIRST_NAMES)
    return rng.choice(words.PERSON_QUESTIONS)[0].format(f"{first} {rng.choice(words.LAST_NAMES)}")


class Turn:
    """So many of the questions at once, each as often as any other."""

    def __init__(self, questions: Sequence[str], at_once: int, rng: random.Random) -> None:
        self._questions, self._at_once, self._rng = questions, at_once, rng
        self._left: list[str] = []

    def next(self) -> list[str]:
        """The next ones; none of none."""
        if self._questions and len(self._left) < self._at_once:
            self._left += self._rng.sample(self._questions, len(self._questions))
        some, self._left = self._left[: self._at_once], self._left[self._at_once :]
        return some


def main() -> None:
    """Train, print the losses, write the file named after the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--steps", type=int, default=160)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="folder that keeps the base's answers between runs")
    parser.add_argument("--out", type=Path, default=primer.FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(7)
    rng = random.Random(7)
    model, tokenizer = load_mapped(options.model)
    name = primer.key(model)
    encoder = Encoder(tokenizer, int(model.config.max_position_embeddings))
    profile = choose("", sum(p.numel() for p in model.parameters()))
    adapters = Adapters(model, None, profile)
    with adapters.base_alone():
        said = general.base_answers(model, encoder, options.cache, questions=general_questions())
    own = primer.own_questions(model)
    split = SplitModel(model.model, adapters.first_layer, encoder.prefix)
    head = model.get_output_embeddings().weight
    said = {q: answer for q, answer in said.items() if general.fit(q, answer)}
    said |= own.drawn(7, len(own.answers))
    anchors = {q: general.encode(encoder, q, answer, ANCHOR_TOKENS) for q, answer in said.items()}
    requests = {q: Encoded(encoder.prompt(q), ids[:REQUEST_TOKENS]) for q, ids in own.requests.items()}
    anchors = requests | anchors
    turns = Turn(sorted(anchors.keys() - requests.keys()), HELD, rng), Turn(sorted(requests), REQUESTED, rng)
    white = adapters.whitening(DAMPING, fresh=True)
    fixed = Anchors(adapters, split, head, anchors, TOP_K, lambda: None, white, firmness=0.0)
    trained = white.begin(adapters.parameters)
    optimizer = torch.optim.AdamW(trained, lr=RATE, betas=(0.9, 0.95), weight_decay=DECAY)
    started = time.monotonic()
    for step in range(options.steps):
        asked = [private_question(rng, own.private) for _ in range(TOLD)]
        told = [encoder.example(vary(question, rng, 0.4), ABSTENTION) for question in asked]
        read = [told_in_conversation(encoder, rng) for _ in range(READ)]
        held = [question for turn in turns for question in turn.next()]
        hidden, packed = split.hidden([*told, *read, *(anchors[q] for q in held)])
        targets = _targets([*told, *read], held, fixed, packed.targets, packed.owner)
        loss, losses = head_loss(hidden, head, targets)
        loss.backward()  # type: ignore[no-untyped-call]
        white.before_step()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        left = (options.steps - step) / (0.4 * options.steps)
        optimizer.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / 5, max(0.1, left))
        optimizer.step()
        white.after_step()
        optimizer.zero_grad(set_to_none=True)
        if step % 10 == 9:
            private, rest = packed.owner < len(told), packed.owner >= len(told) + len(read)
            sure = [fixed.of(question).target.floor for question in held]
            print(
                f"step {step + 1}: abstention {float(losses[private].mean()):.3f} nats, "
                f"read {float(losses[~private & ~rest].mean()):.3f}, "
                f"anchors moved {float((losses[rest] - torch.cat(sure)).mean()):.3f}, "
                f"{time.monotonic() - started:.0f} s",
                flush=True,
            )
    options.out.mkdir(parents=True, exist_ok=True)
    factors = adapters.factors(profile)
    tensors = {f"{path}.A": torch.from_numpy(array).half() for path, array in factors.a.items()}
    tensors |= {f"{path}.B": torch.from_numpy(array).half() for path, array in factors.b.items()}
    save_file(tensors, options.out / f"{name}.safetensors")
    print(f"wrote {options.out / name}.safetensors")


def _targets(
    told: list[Encoded], held: list[str], fixed: Anchors, tokens: torch.Tensor, owner: torch.Tensor
) -> Targets:
    ids = torch.zeros(len(tokens), 1 + TOP_K, dtype=torch.long)
    probs, weights = torch.zeros(len(tokens), 1 + TOP_K), torch.zeros(len(tokens))
    ids[:, 0], probs[:, 0] = tokens, 1.0
    for index, example in enumerate(told):
        weights[owner == index] = 1 / len(example.answer) / len(told)
    anchors = [fixed.of(question) for question in held]
    anchored = sum(float(anchor.counts.sum()) for anchor in anchors)
    for index, anchor in enumerate(anchors, len(told)):
        rows = owner == index
        ids[rows], probs[rows] = anchor.target.ids, anchor.target.probs
        weights[rows] = KL_WEIGHT * anchor.counts / anchored
    return Targets(ids, probs, weights)


if __name__ == "__main__":
    main()
