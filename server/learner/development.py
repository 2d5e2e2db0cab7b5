"""Development questions: what the stop rule asks while training goes on, apart from what is trained.

Held-out wordings of each new fact tell whether it would be answered, questions next to it whether it would
still be refused there, and held-out wordings of past facts whether they still are answered. Teacher-forced:
where each token of the wanted answer is probable enough, greedy decoding says it, and goes on saying it while
the last steps still move the weights a little.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from server.learner.chat import Encoded, Encoder
from server.learner.crossed import Crossings
from server.learner.gate.probes import near, own_wordings
from server.learner.neighbours import words_taught
from server.learner.profiles import Profile
from server.learner.sealed import asked_wordings
from server.learner.split import SplitModel
from server.types import ABSTENTION, SelfEdit

NEAR_AT_LEAST = 12
NEAR_AT_MOST = 36
"""Questions next to the new facts; a lone fact is asked about twice over."""
PAST_AT_MOST = 64
"""Wordings of past facts. One new fact can move the line between answering and denying for all of them, so
these are as many as show it."""
KEPT = 0.95
"""Share of these that must still be answered."""
HEAD_ROWS = 64


class Development:
    """The questions of one update, encoded once. Made before the first step: what the parent answers of past
    facts is what has to be kept."""

    def __init__(
        self,
        split: SplitModel,
        head: torch.Tensor,
        encoder: Encoder,
        edits: Sequence[SelfEdit],
        past: Sequence[SelfEdit],
        profile: Profile,
        seed: int,
    ) -> None:
        self._split, self._head = split, head
        self._share, self._probability = profile.stop_share, profile.stop_probability
        self._wordings = [
            (edit.id, encoder.example(e.prompt, e.completion)) for edit in edits for e in asked_wordings(edit)
        ]
        self._near: list[Encoded] = []
        if profile.neighbours or profile.attributes or profile.crossed:
            self._near = [
                Encoded(whole.prompt, whole.answer[: profile.glance_tokens])
                for question in _near(edits, past, random.Random(f"development {seed}"))
                for whole in (encoder.example(question, ABSTENTION),)
            ]
        asked = [encoder.example(e.prompt, e.completion) for edit in past for e in asked_wordings(edit)]
        drawn = random.Random(f"kept {seed}").sample(asked, min(PAST_AT_MOST, len(asked)))
        self._kept = [one for one, held in zip(drawn, self._right(drawn), strict=True) if held]

    def passed(self, facts: float = 1.0) -> bool:
        """Whether this share of the facts would be answered, enough of their neighbours refused, and enough
        past facts answered of those that were before.

        A fact would be answered when three of five of its development wordings are; one that has none counts.
        """
        right = self._right([*(encoded for _, encoded in self._wordings), *self._near, *self._kept])
        hits: dict[str, list[bool]] = {}
        for (owner, _), one in zip(self._wordings, right, strict=False):
            hits.setdefault(owner, []).append(one)
        held = [sum(found) >= max(1, round(len(found) * 0.6)) for found in hits.values()]
        refused = right[len(self._wordings) :][: len(self._near)]
        kept = right[len(self._wordings) + len(self._near) :]
        return (
            sum(held) >= facts * len(held)
            and sum(refused) >= self._share * len(refused)
            and sum(kept) >= KEPT * len(kept)
        )

    @torch.no_grad()
    def _right(self, wanted: Sequence[Encoded]) -> list[bool]:
        """Whether every token of each answer is probable enough."""
        if not wanted:
            return []
        head = self._head
        hidden, packed = self._split.hidden(list(wanted))
        losses = [
            torch.nn.functional.cross_entropy((states @ head.t()).float(), targets, reduction="none")
            for states, targets in zip(
                torch.split(hidden, HEAD_ROWS),
                torch.split(packed.targets.to(hidden.device), HEAD_ROWS),
                strict=True,
            )
        ]
        right = torch.cat(losses).neg().exp().cpu() >= self._probability
        return [bool(right[packed.owner == index].all()) for index in range(len(wanted))]


def _near(edits: Sequence[SelfEdit], past: Sequence[SelfEdit], rng: random.Random) -> list[str]:
    taught, crossings = words_taught([*edits, *past]), Crossings([*edits, *past], own_wordings)
    found: dict[str, None] = {}
    for _ in range(-(-NEAR_AT_LEAST // (6 * max(1, len(edits))))):
        for edit in edits:
            found.update(dict.fromkeys(near(edit, taught, crossings, rng)))
    return rng.sample(list(found), min(NEAR_AT_MOST, len(found)))
