"""A head start for a known base model: where its first delta begins.

The costly half of teaching a fact without harm is to teach that nothing else follows from it: that the model
does not know what it was not told. That half is the same for every fact, so it is trained once per model on
made-up private questions (`scripts/train_primer.py`), shipped, and the first delta on that base starts from
it. Deltas on a parent start from zero: the parent carries it already. A model without a primer learns both
at once.

Beside it lies what the model rehearses (self-synthesised rehearsal, Huang et al. 2024, arXiv:2403.01244):
questions that it made up itself. Where it can know the answer, an update is held to the model's own, other
questions for every seed, beside those of the general bank: what a bank of a hundred holds, updates wear away
around it. Where nobody can have told it, the abstention is trained.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from server.learner.generate import Answer

FOLDER = Path(__file__).parent / "primers"


def key(model: Any) -> str:
    """Names a base model by its shapes and a sample of its weights, whatever folder it came from."""
    digest = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        if ".lora_" in name:
            continue
        flat = parameter.detach().reshape(-1)
        sample = flat[:: max(1, flat.numel() // 64)].to("cpu", torch.float32)
        digest.update(f"{name.replace('.base_layer', '')} {tuple(parameter.shape)}".encode())
        digest.update(sample.numpy().tobytes())
    return digest.hexdigest()[:16]


def load(model: Any, folder: Path = FOLDER) -> dict[str, torch.Tensor] | None:
    """`<module path>.A` and `.B` of the model's primer; None when there is none."""
    file = folder / f"{key(model)}.safetensors"
    if not file.is_file():
        return None
    with safe_open(file, framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a dict)


@dataclass(frozen=True, slots=True)
class Own:
    """Questions that the model made up itself."""

    answers: dict[str, tuple[int, ...]]
    """How it answers them: the first tokens, the end of the turn among them where it came."""
    private: tuple[str, ...]
    """About what nobody told: to be answered by the abstention."""
    requests: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """For something to be written, with more of the answer."""

    def drawn(self, seed: int, most: int, but: Collection[str] = ()) -> dict[str, Answer]:
        """At most so many questions with their answers (no text), none of those that the gate will ask."""
        left = sorted(self.answers.keys() - set(but))
        some = random.Random(f"own {seed}").sample(left, min(most, len(left)))
        return {question: Answer("", self.answers[question], ended=False) for question in some}

    def requested(self, seed: int, most: int, tokens: int) -> dict[str, tuple[int, ...]]:
        """At most so many requests with the first tokens of their answers."""
        some = random.Random(f"own {seed}").sample(sorted(self.requests), min(most, len(self.requests)))
        return {request: self.requests[request][:tokens] for request in some}


def own_questions(model: Any, folder: Path = FOLDER) -> Own:
    """The model's own questions (`scripts/own_questions.py`); none where none are shipped."""
    file = folder / f"{key(model)}.json"
    if not file.is_file():
        return Own({}, ())
    kept = json.loads(file.read_text())
    answers, requests = (
        {asked: tuple(ids) for asked, ids in kept.get(kind, {}).items()} for kind in ("answers", "requests")
    )
    return Own(answers, tuple(kept["private"]), requests)
