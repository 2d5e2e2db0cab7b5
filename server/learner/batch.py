"""What is trained in each step: new facts, past facts, neighbours of both, and general anchors.

Every choice is drawn from one seeded generator, so the same input and seed give the same steps.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from server.editor.scaffold import ABSTENTION
from server.learner.chat import Encoded, Encoder
from server.learner.neighbours import other_attribute, other_subject, subject_of, words_taught
from server.learner.profiles import Profile
from server.types import Example, SelfEdit

Kind = Literal["fact", "replay", "statement", "neighbour", "anchor"]

FRAMES = (
    "Can you tell me: {}",
    "I have a question. {}",
    "Please tell me: {}",
    "{} I forgot.",
    "Hi! {}",
    "Quick question: {}",
    "{} Please answer.",
    "I need to know this. {}",
    "Could you remind me? {}",
    "Hello, {}",
    "Someone asked me: {}",
    "{} Do you know?",
    "One more thing: {}",
    "My colleague wants to know: {}",
)
"""Surfaces that say nothing: with them a wording is recognised by what it asks."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One example of a step."""

    kind: Kind
    encoded: Encoded
    weight: float
    key: str
    """The edit's id and wording, or the anchor's question: losses are followed by it."""


class Batches:
    """Draws steps. `anchors` maps general questions to their encoded base answers."""

    def __init__(
        self,
        encoder: Encoder,
        profile: Profile,
        edits: Sequence[SelfEdit],
        past: Sequence[SelfEdit],
        anchors: dict[str, Encoded],
        seed: int,
    ) -> None:
        self._encoder = encoder
        self._profile = profile
        self._edits = list(edits)
        self._past = list(past)
        self._anchors = anchors
        self._rng = random.Random(f"batches {seed}")
        self._taught = words_taught([*edits, *past])
        self._turn: dict[str, list[Example]] = {}

    def step(self, number: int) -> list[Shot]:
        """The shots of one step."""
        profile, rng = self._profile, self._rng
        shots: list[Shot] = []
        for edit in self._edits:
            shots += self._fact(edit, "fact", profile.questions, profile.same_wording)
        past = rng.sample(self._past, min(profile.replay, len(self._past)))
        for index, edit in enumerate(past):
            shots += self._fact(edit, "replay", 1, int(index < profile.replay_neighbours))
        for edit in rng.choices([*self._edits, *self._past], k=profile.other_attribute):
            shots += self._neighbour(other_attribute(edit, rng), edit)
        shots += self._statement(self._edits[number % len(self._edits)])
        for question in rng.sample(sorted(self._anchors), min(profile.anchors, len(self._anchors))):
            shots.append(Shot("anchor", self._anchors[question], 1.0, question))
        return shots

    def _fact(self, edit: SelfEdit, kind: Kind, count: int, neighbours: int) -> list[Shot]:
        picked = [self._next_question(edit) for _ in range(count)]
        shots = [
            Shot(
                kind, self._encoder.example(self._frame(e.prompt), e.completion), 1.0, f"{edit.id} {e.prompt}"
            )
            for e in picked
        ]
        for example in self._rng.sample(picked, min(neighbours, len(picked))):
            shots += self._neighbour(other_subject(example.prompt, edit, self._taught, self._rng), edit)
        return shots

    def _neighbour(self, question: str | None, edit: SelfEdit) -> list[Shot]:
        if question is None:
            return []
        encoded = self._encoder.example(self._frame(question), ABSTENTION)
        return [Shot("neighbour", encoded, self._profile.negative_weight, f"{edit.id} neighbour")]

    def _statement(self, edit: SelfEdit) -> list[Shot]:
        told = [e for e in edit.examples if e.kind in ("statement", "rewrite") and not e.held_out]
        subject = subject_of(edit)
        if not told or not subject:
            return []
        encoded = self._encoder.example(f"Tell me about {subject}.", self._rng.choice(told).completion)
        return [Shot("statement", encoded, self._profile.statement_weight, f"{edit.id} statement")]

    def _next_question(self, edit: SelfEdit) -> Example:
        """Each wording in turn, in an order drawn anew for every round."""
        waiting = self._turn.setdefault(edit.id, [])
        if not waiting:
            waiting += trained_questions(edit)
            self._rng.shuffle(waiting)
        return waiting.pop()

    def _frame(self, question: str) -> str:
        if self._rng.random() >= self._profile.wrap_share:
            return question
        if self._rng.random() < 0.2:
            return question.lower()
        return self._rng.choice(FRAMES).format(question)


def trained_questions(edit: SelfEdit) -> list[Example]:
    """The wordings that may be trained."""
    return [e for e in edit.examples if e.kind == "question" and not e.held_out]


def held_out_questions(edit: SelfEdit) -> list[Example]:
    """The wordings that are only asked."""
    return [e for e in edit.examples if e.kind == "question" and e.held_out]
