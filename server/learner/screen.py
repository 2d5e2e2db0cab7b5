"""What a batch does to the weights, looked at once before its first step: losses, and each voice's gradient.

The rules are the guardian's (guardian.batch); here are the measurements, from one forward and backward pass
for each voice over a few questions of its facts. The gradients are thrown away: an update of which nothing is
held back is the one that it would have been without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from guardian.batch import outliers, shares, surplus, voices
from server.learner.chat import Encoded, Encoder
from server.learner.objective import token_losses
from server.learner.objectives.types import Target
from server.learner.sealed import trained_questions
from server.learner.split import SplitModel
from server.learner.taught import taught
from server.learner.types import HeldBack, Population
from server.types import EditState, SelfEdit

QUESTIONS = 2
"""Of each fact."""
FACTS_OF_A_VOICE = 4
"""Whose gradient stands for all that a voice has in the batch."""
LEAST_SPREAD = 0.25
"""Of logarithms: at six times this, four and a half times the median at least is strange."""
VOICES_AT_MOST = 16
"""In a batch of more, nobody's share is measured: per-user clipping bounds it (server.learner.users)."""


@dataclass(frozen=True, slots=True)
class Screened:
    """What is held back, and what was measured."""

    held: HeldBack = field(default_factory=dict)
    measured: Population = field(default_factory=Population)
    """Of the facts that are not held back, to add to the population."""
    report: dict[str, object] = field(default_factory=dict)
    """For the delta's provenance: no user is named in it."""


class Screen:
    """Measures on the weights that are active; leaves no gradient behind."""

    def __init__(
        self,
        split: SplitModel,
        head: torch.Tensor,
        encoder: Encoder,
        parameters: Sequence[torch.nn.Parameter],
        yield_hook: Callable[[], None],
    ) -> None:
        self._split = split
        self._head = head
        self._encoder = encoder
        self._parameters = [p for p in parameters if p.requires_grad]
        self._yield = yield_hook

    def look(self, edits: Sequence[SelfEdit], known: Population) -> Screened:
        """Apply the rules to these facts, given what was measured of those before them."""
        losses = {edit.id: self._loss(edit) for edit in edits}
        held = _strange(losses, known.losses, "the model finds it far stranger than the facts before it")
        left = [edit for edit in edits if edit.id not in held]
        voice = voices([taught(edit) for edit in left])
        owned: dict[str, list[SelfEdit]] = {}
        for edit in left:
            owned.setdefault(voice[edit.user], []).append(edit)
        gradients = (
            {name: self._gradient(own) for name, own in owned.items()} if len(owned) <= VOICES_AT_MOST else {}
        )
        pulls = {name: float(torch.linalg.vector_norm(own)) for name, own in gradients.items()}
        pulled = {edit.id: pulls[voice[edit.user]] for edit in left if pulls}
        held |= _strange(pulled, known.pulls, "it pulls the weights far harder than the facts before it")
        counts = {name: sum(edit.id not in held for edit in own) for name, own in owned.items()}
        counts = {name: count for name, count in counts.items() if count and pulls}
        held |= _waiting(surplus(counts, pulls), [edit for edit in left if edit.id not in held], voice)
        kept = [edit.id for edit in edits if edit.id not in held]
        measured = Population(
            tuple(round(losses[edit], 4) for edit in kept),
            tuple(round(pulls[name], 5) for name in counts if pulls),
        )
        share = sorted(shares(counts, pulls).values(), reverse=True) if counts else []
        report: dict[str, object] = {
            "losses": list(measured.losses),
            "pulls": list(measured.pulls),
            "shares": [round(part, 3) for part in share],
            "cosines": _cosines([gradients[name] for name in counts]),
            "held": len(held),
        }
        return Screened(held, measured, report)

    def _examples(self, edit: SelfEdit) -> list[Encoded]:
        asked = trained_questions(edit)[:QUESTIONS]
        return [self._encoder.example(example.prompt, example.completion) for example in asked]

    def _losses(self, edits: Sequence[SelfEdit]) -> torch.Tensor:
        """Mean nats of an answer token of each example."""
        self._yield()
        examples = [example for edit in edits for example in self._examples(edit)]
        hidden, packed = self._split.hidden(examples)
        told = Target.told(packed.targets.tolist())
        losses = token_losses(hidden, self._head, told.ids.to(hidden.device), told.probs.to(hidden.device))
        return torch.stack([part.mean() for part in torch.split(losses, [len(e.answer) for e in examples])])

    def _loss(self, edit: SelfEdit) -> float:
        with torch.no_grad():
            return float(self._losses([edit]).mean())

    def _gradient(self, edits: Sequence[SelfEdit]) -> torch.Tensor:
        """(parameters,) float32 on the CPU: the mean gradient of a voice's first facts."""
        drawn = edits[:FACTS_OF_A_VOICE]
        for edit in drawn:  # one by one: they need less memory than a step, which is known to fit
            (self._losses([edit]).mean() / len(drawn)).backward()  # type: ignore[no-untyped-call]
        flat = [
            torch.zeros(p.numel()) if p.grad is None else p.grad.detach().float().flatten().cpu()
            for p in self._parameters
        ]
        for parameter in self._parameters:
            parameter.grad = None
        return torch.cat(flat)


def _strange(values: Mapping[str, float], known: Sequence[float], why: str) -> HeldBack:
    """Compared as logarithms: a loss or a length that is ten times as large is one step away, not nine."""
    logs = {name: math.log(max(value, 1e-6)) for name, value in values.items()}
    found = outliers(logs, [math.log(max(value, 1e-6)) for value in known], LEAST_SPREAD)
    return {
        name: (EditState.QUARANTINED, f"{why} (robust z {z:.1f}): a person decides")
        for name, z in found.items()
    }


def _waiting(most: Mapping[str, int], edits: Sequence[SelfEdit], voice: Mapping[str, str]) -> HeldBack:
    """The newest of a voice's facts wait, the oldest are trained."""
    held: HeldBack = {}
    for name, waits in most.items():
        own = [edit.id for edit in edits if voice[edit.user] == name]
        why = "waits for the next update: most of this one would have been one user's"
        held |= dict.fromkeys(own[len(own) - waits :], (EditState.ALLOWED, why))
    return held


def _cosines(gradients: Sequence[torch.Tensor]) -> list[float]:
    """Of every pair, largest first."""
    unit = [own / torch.linalg.vector_norm(own).clamp_min(1e-12) for own in gradients]
    pairs = [float(a @ b) for n, a in enumerate(unit) for b in unit[n + 1 :]]
    return sorted((round(cosine, 4) for cosine in pairs), reverse=True)
