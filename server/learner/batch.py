"""What is trained in each step: new facts, past facts, neighbours of both, reading, and general anchors.

Every choice is drawn from one seeded generator, so the same input and seed give the same steps.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeVar

from server.learner.chat import Encoded, Encoder
from server.learner.crossed import Crossings
from server.learner.neighbours import (
    firsthand_stems,
    never_told,
    other_attribute,
    other_subject,
    subject_of,
    unanswered,
    words_taught,
)
from server.learner.profiles import Profile
from server.learner.reading import told_in_conversation
from server.learner.sealed import trained_questions
from server.learner.surfaces import ABOUT, vary
from server.types import ABSTENTION, Example, SelfEdit

MISSED_NATS = 0.22
"""A neighbour is missed while a token of its abstention has a probability below 0.8."""

HELD = 0.05
"""Nats that everything drawn by its loss counts beside it, so that what is held comes by too."""
MOST = 4.0
"""Nats that it counts at most."""

Kind = Literal["fact", "replay", "statement", "neighbour", "read", "anchor", "preference"]
TOLD: tuple[Kind, ...] = ("fact", "replay", "statement", "neighbour", "read")
"""What has an answer that is told."""
OTHER_VIEWS = 0.3
"""How often a step glances at a new fact in another view than question and answer."""
STRANGERS = 0.25
"""How often a question about what a fact does not tell is about something that no fact is near."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One example of a step."""

    kind: Kind
    encoded: Encoded
    weight: float
    key: str
    """The edit's id and wording, or the anchor's question: losses are followed by it."""
    user: str = ""
    """Who pulls by it (server.learner.users); '' for what is nobody's."""
    group: str = ""
    """Shots of one group are judged against each other and computed together."""
    again: bool = False
    """Whether it comes again because it was missed: no fair sample of its kind."""


class Draws(Protocol):
    """What a run draws its steps from."""

    @property
    def facts(self) -> int:
        """How many new facts are trained."""
        ...

    def step(self, number: int) -> list[Shot]:
        """The shots of one step."""
        ...

    def observe(self, shots: Sequence[Shot], worst_loss: Sequence[float]) -> None:
        """The largest token loss of each shot of the step, in nats."""
        ...


class Batches:
    """Draws steps. `anchors` maps general questions to their encoded base answers."""

    def __init__(
        self,
        encoder: Encoder,
        profile: Profile,
        edits: Sequence[SelfEdit],
        past: Sequence[SelfEdit],
        anchors: Mapping[str, Encoded],
        seed: int,
        private: Sequence[str] = (),
        moved: Mapping[str, float] | None = None,
    ) -> None:
        """`private`: questions about what nobody told; those that a fact may answer are left out.

        `moved`: how far each anchor is from the base before the first step (its largest token loss in nats):
        those that are far come by more often. None: each as often as any other.
        """
        self._encoder = encoder
        self._profile = profile
        self._edits = list(edits)
        self._past = list(past)
        self._anchors = anchors
        self._moved = {question: min(MOST, (moved or {}).get(question, 0.0)) for question in sorted(anchors)}
        self._rng = random.Random(f"batches {seed}")
        self._taught = words_taught([*edits, *past])
        self._firsthand = firsthand_stems([*edits, *past])
        self._crossings = Crossings([*edits, *past])
        self._private = unanswered(private, [*edits, *past])
        self._turn: dict[str, list[Example]] = {}
        self._waiting: list[SelfEdit] = []
        self._missed: dict[str, Shot] = {}
        self._round: list[SelfEdit] = []

    @property
    def facts(self) -> int:
        """How many new facts are trained."""
        return len(self._edits)

    def step(self, number: int) -> list[Shot]:
        """The shots of one step. `number` is not needed for the draw, only for whose turn it is."""
        profile, rng = self._profile, self._rng
        shots: list[Shot] = []
        turn = self._in_turn()
        for edit in turn:
            shots += _pulled_by(edit, self._new_fact(edit, number))
        for _ in range(profile.whole_abstentions if self._edits else 0):
            edit = rng.choice(turn)
            shots += _pulled_by(edit, self._near(edit, whole=True))
        for question in rng.sample(self._private, min(profile.refused(len(turn)), len(self._private))):
            shots.append(self._shot("neighbour", question, ABSTENTION, False, "private"))
        for _ in range(profile.reads):
            shots.append(Shot("read", told_in_conversation(self._encoder, rng), 1.0, "read"))
        replayed, near, crossed = profile.replayed(len(turn))
        for index, edit in enumerate(self._replayed(replayed)):
            shots.append(self._asked(edit, "replay", whole=index % 2 == number % 2))
            if index < near:
                shots += self._near(edit)
            if index < crossed:
                shots += self._crossed(edit, number)
        shots += self._again()
        for question in weighted(rng, self._moved, list(self._moved.values()), profile.anchors):
            shots.append(Shot("anchor", self._anchors[question], 1.0, question))
        return shots

    def observe(self, shots: Sequence[Shot], worst_loss: Sequence[float]) -> None:
        """Keep the neighbours that were not refused for sure: they come again until they are.

        `worst_loss` is the largest token loss of each shot, in nats. Drawn evenly, most neighbours soon teach
        nothing and the few that get a taught value are seldom met again. The same goes for anchors: what
        updates wear away is a few of some hundred answers.
        """
        for shot, loss in zip(shots, worst_loss, strict=True):
            if shot.kind == "anchor":
                self._moved[shot.key] = min(MOST, loss)
            if shot.kind != "neighbour":
                continue
            name = shot.key + str(shot.encoded.ids)
            if loss > MISSED_NATS:
                self._missed[name] = replace(shot, again=True)
            else:
                self._missed.pop(name, None)

    def _in_turn(self) -> list[SelfEdit]:
        """The new facts of one step: all, or the next few of a round whose order is drawn anew."""
        size = self._profile.facts_per_step
        if len(self._edits) <= size:
            return self._edits
        if len(self._round) < size:
            first = [edit for edit in self._edits if edit not in self._round]
            self._round += self._rng.sample(first, len(first)) + self._round
        drawn, self._round = self._round[:size], self._round[size:]
        return drawn

    def _again(self) -> list[Shot]:
        """Some of the neighbours that were missed, the oldest first."""
        return list(self._missed.values())[: self._profile.missed]

    def _replayed(self, wanted: int) -> list[SelfEdit]:
        """Past facts for one step: each as often as any other, several times while they are few."""
        wanted = wanted if self._past else 0
        while len(self._waiting) < wanted:
            self._waiting += self._rng.sample(self._past, len(self._past))
        drawn, self._waiting = self._waiting[:wanted], self._waiting[wanted:]
        return drawn

    def _new_fact(self, edit: SelfEdit, number: int) -> list[Shot]:
        profile, rng = self._profile, self._rng
        shots = [self._asked(edit, "fact", whole=True) for _ in range(profile.questions)]
        shots += [self._asked(edit, "fact", whole=False) for _ in range(profile.glances)]
        for _ in range(profile.neighbours):
            shots += self._near(edit)
        for _ in range(profile.attributes):
            shots += self._abstention(self._unknown(edit), edit)
        for turn in range(profile.crossed):
            shots += self._crossed(edit, number + turn)
        if rng.random() < profile.about:
            shots += self._about(edit)
        shots += self._other_view(edit)
        return shots

    def _asked(self, edit: SelfEdit, kind: Kind, whole: bool) -> Shot:
        example = self._next_question(edit)
        profile = self._profile
        share = profile.replay_surface_share if kind == "replay" else profile.surface_share
        question = vary(example.prompt, self._rng, share)
        shot = self._shot(kind, question, example.completion, whole, f"{edit.id} {example.prompt}")
        return graded(shot, example)

    def _other_view(self, edit: SelfEdit) -> list[Shot]:
        """A glance at the fact from its value, or behind something else in a conversation."""
        views = other_views(edit)
        if not views or self._rng.random() >= OTHER_VIEWS:
            return []
        return self._viewed(edit, self._rng.choice(views))

    def _viewed(self, edit: SelfEdit, example: Example) -> list[Shot]:
        """A glance at one of these; none where it is too long."""
        messages = [{"role": m.role, "content": m.content} for m in example.context]
        asked = self._encoder.conversation(
            [*messages, {"role": "user", "content": example.prompt}], example.completion
        )
        if len(asked.ids) > self._encoder.max_model_len:
            return []
        first = Encoded(asked.prompt, asked.answer[: self._profile.glance_tokens])
        key = f"{edit.id} {example.kind}"
        return [graded(Shot("statement", first, self._profile.glance_weight, key), example)]

    def _near(self, edit: SelfEdit, whole: bool = False) -> list[Shot]:
        """The same about somebody or something else."""
        asked = self._rng.choice(trained_questions(edit)).prompt
        return self._abstention(other_subject(asked, edit, self._taught, self._rng), edit, whole)

    def _unknown(self, edit: SelfEdit) -> str | None:
        """What the fact does not tell of its subject, or of something that no fact is about."""
        if self._rng.random() < STRANGERS:
            return never_told(self._rng, self._firsthand, trained=True)
        return other_attribute(edit, self._rng)

    def _crossed(self, edit: SelfEdit, number: int) -> list[Shot]:
        """With another fact: what that one answers asked about this subject, or the reverse, in turn."""
        cross = self._crossings.about if number % 2 else self._crossings.elsewhere
        return self._abstention(cross(edit, self._rng), edit)

    def _abstention(self, question: str | None, edit: SelfEdit, whole: bool = False) -> list[Shot]:
        if question is None:
            return []
        question = vary(question, self._rng, self._profile.surface_share)
        return [self._shot("neighbour", question, ABSTENTION, whole, f"{edit.id} neighbour")]

    def _about(self, edit: SelfEdit) -> list[Shot]:
        """Told when asked for the subject alone, and not told when another is named so."""
        told = [e for e in edit.examples if e.kind in ("statement", "rewrite") and not e.held_out]
        subject = subject_of(edit)
        if not told or not subject:
            return []
        question = self._rng.choice(ABOUT).format(subject)
        completion = self._rng.choice(told).completion
        other = other_subject(question, edit, self._taught, self._rng)
        return [
            self._shot("statement", question, completion, True, f"{edit.id} statement"),
            *self._abstention(other, edit),
        ]

    def _shot(self, kind: Kind, question: str, answer: str, whole: bool, key: str) -> Shot:
        encoded = self._encoder.example(question, answer)
        if whole:
            return Shot(kind, encoded, 1.0, key)
        first = Encoded(encoded.prompt, encoded.answer[: self._profile.glance_tokens])
        return Shot(kind, first, self._profile.glance_weight, key)

    def _next_question(self, edit: SelfEdit) -> Example:
        """Each wording in turn, in an order drawn anew for every round."""
        waiting = self._turn.setdefault(edit.id, [])
        if not waiting:
            waiting += trained_questions(edit)
            self._rng.shuffle(waiting)
        return waiting.pop()


Drawn = TypeVar("Drawn")


def weighted(rng: random.Random, there: Collection[Drawn], losses: Sequence[float], most: int) -> list[Drawn]:
    """At most so many of them, by their losses in nats, each once.

    Weighted sampling without replacement: Efraimidis and Spirakis 2006, algorithm A.
    """
    chances = [rng.random() ** (1 / (HELD + loss)) for loss in losses]
    drawn = heapq.nlargest(most, zip(chances, range(len(chances)), there, strict=True))
    return [one for _, _, one in drawn]


def other_views(edit: SelfEdit) -> list[Example]:
    """The edit's views that are no plain question."""
    return [e for e in edit.examples if e.kind in ("reversed", "conversation") and not e.held_out]


def graded(shot: Shot, example: Example) -> Shot:
    """Weighs as much as the example is good: its mean score of 5."""
    return shot if example.scores is None else replace(shot, weight=shot.weight * example.scores.mean / 5)


def _pulled_by(edit: SelfEdit, shots: Sequence[Shot]) -> list[Shot]:
    """The same, marked as the edit's user's."""
    return [replace(shot, user=edit.user) for shot in shots]
