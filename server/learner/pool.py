"""Steps for models whose steps are dear: drawn from a fixed pool, by how far each question is from held.

Every question is made once and met again until it is answered as it should be; those that are held give way
to those that are not (prioritised replay, Schaul et al. 2015, arXiv:1511.05952). What comes again costs
nothing below the trained layers, whose states are remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from server.learner import loose
from server.learner.anchored import Anchor
from server.learner.batch import MOST, Batches, Kind, Shot, graded, other_views, weighted
from server.learner.chat import Encoder
from server.learner.neighbours import other_attribute, other_subject, subject_of
from server.learner.profiles import Profile
from server.learner.reading import told_in_conversation
from server.learner.sealed import trained_questions
from server.learner.surfaces import ABOUT, vary
from server.types import ABSTENTION, Example, SelfEdit

SURFACES = 2
"""Further ones of each wording of a new fact, beside the plain one."""
WHOLE = 0.5
"""Share of questions, but for the plain wordings, of which the whole answer is trained; of the others, the
first tokens."""
SUBJECTS, ATTRIBUTES, CROSSED = 16, 16, 6
"""Questions next to each new fact: about somebody else, for something else, crossed with another fact."""
ALONE = 3
"""Questions that name the subject and nothing else, and as many about another subject."""
ALIKE = 0.4
"""Share of other names that look like the fact's own."""
WHOLE_ABSTENTIONS = 0.15
PRIVATE = 24
PAST_WORDINGS, PAST_SUBJECTS = 3, 1
"""Of each past fact, and how often it is asked about somebody else."""
UNSEEN, UNSEEN_PAST = 3.0, 0.5
"""Nats that a question counts before it was met: what is new, and what is mostly as it should be."""


class Pool(Batches):
    """Draws steps by what is not held yet. Made and seeded as Batches."""

    def __init__(
        self,
        encoder: Encoder,
        profile: Profile,
        edits: Sequence[SelfEdit],
        past: Sequence[SelfEdit],
        anchors: Mapping[str, Anchor],
        seed: int,
        private: Sequence[str] = (),
    ) -> None:
        super().__init__(encoder, profile, edits, past, anchors, seed, private)
        self._sorts = {question: anchor.sort for question, anchor in anchors.items()}
        self._pool: dict[str, list[Shot]] = {}
        self._open: dict[int, float] = {}
        """By a shot's identity: its largest token loss when it was last met, in nats."""

    def step(self, number: int) -> list[Shot]:
        """The shots of one step; the first one makes the pool."""
        if not self._pool:
            self._fill()
        profile, rng = self._profile, self._rng
        shots = [
            *self._drawn("fact", profile.pool_facts),
            *self._drawn("neighbour", profile.pool_neighbours),
            *self._drawn("private", profile.private),
            *self._drawn("replay", profile.replay),
        ]
        shots += [
            Shot("read", told_in_conversation(self._encoder, rng), 1.0, "read") for _ in range(profile.reads)
        ]
        return [
            *shots,
            *self._drawn("anchor", profile.anchors),
            *self._drawn("guard", profile.guards),
            *self._drawn("request", profile.requests),
        ]

    def observe(self, shots: Sequence[Shot], worst_loss: Sequence[float]) -> None:
        """Remember the largest token loss of each, in nats."""
        for shot, loss in zip(shots, worst_loss, strict=True):
            if id(shot) in self._open:
                self._open[id(shot)] = min(MOST, loss)

    def _drawn(self, sort: str, most: int) -> list[Shot]:
        there = self._pool.get(sort, [])
        return weighted(self._rng, there, [self._open[id(shot)] for shot in there], most)

    def _fill(self) -> None:
        rng = self._rng
        for edit in self._edits:
            self._put("fact", self._told(edit), edit.user)
            self._put("neighbour", self._not_told(edit), edit.user)
        private = rng.sample(self._private, min(PRIVATE, len(self._private)))
        self._put("private", (self._refused(question, "private") for question in private))
        for question, encoded in sorted(self._anchors.items()):
            self._put(self._sorts[question], [Shot("anchor", encoded, 1.0, question)], counts=UNSEEN_PAST)
        for edit in self._past:
            wordings = trained_questions(edit)
            some = rng.sample(wordings, min(PAST_WORDINGS, len(wordings)))
            self._put("replay", (self._known(edit, example) for example in some), counts=UNSEEN_PAST)
            others = (self._other(rng.choice(wordings).prompt, edit) for _ in range(PAST_SUBJECTS))
            self._put("neighbour", self._all_refused(others, edit), counts=UNSEEN_PAST)

    def _put(self, sort: str, shots: Iterable[Shot], user: str = "", counts: float = UNSEEN) -> None:
        own = [replace(shot, user=user) for shot in shots]
        self._pool.setdefault(sort, []).extend(own)
        self._open.update((id(shot), counts) for shot in own)

    def _told(self, edit: SelfEdit) -> Iterator[Shot]:
        """The fact in its wordings and their surfaces, loosely, in other views, and by its subject alone."""
        rng = self._rng
        wordings = trained_questions(edit)
        for example in wordings:
            yield self._answered("fact", edit, example, example.prompt, whole=True)
            surfaces = {vary(example.prompt, rng, 1.0): None for _ in range(SURFACES)}
            for question in surfaces:
                yield self._answered("fact", edit, example, question, rng.random() < WHOLE)
        for question in loose.questions(edit, rng, self._profile.loose):
            yield self._answered("fact", edit, wordings[0], question, rng.random() < WHOLE)
        for example in other_views(edit):
            yield from self._viewed(edit, example)
        subject = subject_of(edit)
        statements = [e.completion for e in edit.examples if e.kind in ("statement", "rewrite")]
        if subject and statements:
            for form in ABOUT[:ALONE]:
                told = rng.choice(statements)
                yield self._shot("statement", form.format(subject), told, True, f"{edit.id} statement")

    def _not_told(self, edit: SelfEdit) -> list[Shot]:
        """Next to the fact: somebody else, something else, or both, in the same wordings and loosely."""
        rng, profile = self._rng, self._profile
        alone = [form.format(subject_of(edit)) for form in ABOUT[:ALONE]] if subject_of(edit) else []
        loosely = loose.questions(edit, rng, profile.loose)
        asked = [e.prompt for e in trained_questions(edit)]
        found = [self._other(rng.choice(asked), edit) for _ in range(SUBJECTS)]
        found += [self._other(question, edit) for question in (*alone, *loosely)]
        found += [other_attribute(edit, rng) for _ in range(ATTRIBUTES)]
        found += loose.others(edit, rng, profile.loose)
        for turn in range(CROSSED):
            found.append((self._crossings.about, self._crossings.elsewhere)[turn % 2](edit, rng))
        return self._all_refused(found, edit)

    def _all_refused(self, questions: Iterable[str | None], edit: SelfEdit) -> list[Shot]:
        """Each once, some in another surface."""
        share = self._profile.surface_share
        return [
            self._refused(vary(question, self._rng, share), f"{edit.id} neighbour")
            for question in dict.fromkeys(questions)
            if question
        ]

    def _other(self, question: str, edit: SelfEdit) -> str | None:
        return other_subject(question, edit, self._taught, self._rng, ALIKE)

    def _refused(self, question: str, key: str) -> Shot:
        whole = self._rng.random() < WHOLE_ABSTENTIONS
        # counts whole where a glance at a fact counts half: else values bleed into what is next to them
        return replace(self._shot("neighbour", question, ABSTENTION, whole, key), weight=1.0)

    def _known(self, edit: SelfEdit, example: Example) -> Shot:
        question = vary(example.prompt, self._rng, self._profile.replay_surface_share)
        return self._answered("replay", edit, example, question, self._rng.random() < WHOLE)

    def _answered(self, kind: Kind, edit: SelfEdit, example: Example, question: str, whole: bool) -> Shot:
        return graded(self._shot(kind, question, example.completion, whole, f"{edit.id} {question}"), example)
