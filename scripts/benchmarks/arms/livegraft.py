"""The learner's own trainer on the benchmark's examples: packed rows, cached lower layers, chunked head."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import torch

from scripts.benchmarks.arms.data import ALPHA, RANK, RATE, SHARE, Job, Watch, steps_of
from server.engine.mapped import load_mapped
from server.learner.adapters import Adapters
from server.learner.batch import TOLD, Shot
from server.learner.chat import Encoded, Encoder
from server.learner.memory import release
from server.learner.objectives.answers import Answers
from server.learner.objectives.mixture import Mixture
from server.learner.profiles import SMALL
from server.learner.split import SplitModel
from server.learner.train import Trainer


class Given:
    """Steps as the trainer asks for them, each answer token counting the same."""

    facts = 1

    def __init__(self, steps: list[list[Encoded]]) -> None:
        self._steps = steps

    def step(self, number: int) -> list[Shot]:
        """The examples of one step, weighted by their length."""
        return [Shot("read", e, float(len(e.answer)), str(number)) for e in self._steps[number]]

    def observe(self, shots: Any, worst_loss: Any) -> None:
        """Nothing comes again."""


def main(job: Job) -> None:
    """Train and report."""
    torch.set_num_threads(job.threads)
    torch.manual_seed(job.seed)
    model, tokenizer = load_mapped(Path(job.model_dir))
    encoder = Encoder(tokenizer, int(model.config.max_position_embeddings))
    steps = steps_of(job, encoder)
    release()
    watch = Watch(job)
    recipe = dataclasses.replace(
        SMALL,
        rank=RANK,
        alpha=ALPHA,
        layers=SHARE,
        learning_rate=RATE,
        warmup_steps=1,
        min_steps=job.steps,
        max_steps=job.steps,
        averaged_steps=0,
        whitening=0.0,
        weight_decay=0.0,
        gradient_norm=1.0,
    )
    adapters = Adapters(model, None, recipe)
    split = SplitModel(model.model, adapters.first_layer, encoder.prefix)
    given: Any = Given(steps)
    head = model.get_output_embeddings().weight
    mixture = Mixture(dict.fromkeys(TOLD, Answers()))
    trainer = Trainer(adapters, split, head, given, mixture, recipe, lambda: None)
    watch.begin()

    def progress(_: float) -> None:
        watch.end()
        watch.begin()

    trained = trainer.run(lambda: False, progress)
    watch.report(steps, [step["read"] for step in trained.curve])


if __name__ == "__main__":
    main(Job(**json.loads(sys.argv[1])))
