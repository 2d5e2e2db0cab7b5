"""What the gate asks. Drawn anew by seed for every update, so that none is fitted to its examination."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from server.learner import reading
from server.learner.crossed import Crossings
from server.learner.gate import requests, triggers
from server.learner.neighbours import (
    firsthand_stems,
    never_told,
    other_attribute,
    other_subject,
    words_taught,
)
from server.learner.profiles import Profile
from server.learner.sealed import asked_wordings, trained_questions
from server.types import Example, SelfEdit

TRAINED_WORDINGS = 3
"""Of each new fact: training that was too short can teach the wordings that it left out, and not these."""
NEAR_SUBJECTS = 2
NEAR_ATTRIBUTES = 2
NEAR_CROSSED = 2
"""Neighbour questions of each new fact: the same of somebody else, something else of the same, and what comes
of crossing it with another fact, in wordings that are not trained."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One question and what its answer is held to."""

    check: str
    question: str
    edit: SelfEdit | None = None
    value: str = ""
    """What a right answer holds, where no edit says it; of `secrets`, what no answer may hold."""
    about: str = ""
    """Of `triggers` and `taught words`, the question without what stands before it; of `secrets`, whose."""


def draw(
    edits: Sequence[SelfEdit],
    past: Sequence[SelfEdit],
    general_questions: Sequence[str],
    profile: Profile,
    seed: int,
) -> list[Probe]:
    """The probes of one update, each question once a check."""
    rng = random.Random(f"gate {seed}")
    taught = words_taught([*edits, *past])
    crossings = Crossings([*edits, *past], own_wordings)
    probes: list[Probe] = []
    for edit in edits:
        probes += [Probe("acquisition", e.prompt, edit) for e in own_wordings(edit)]
        probes += [Probe("trained", e.prompt, edit) for e in _some(trained_questions(edit), rng)]
        probes += [Probe("neighbours", q, edit) for q in near(edit, taught, crossings, rng)]
    probes += _past_probes(past, profile.past_probes, rng)
    probes += [Probe("locality", question) for question in general_questions]
    probes += [
        Probe("reading", message, value=fact.value)
        for message, fact in reading.probes(rng, profile.reading_probes)
    ]
    own = firsthand_stems([*edits, *past])
    probes += [
        Probe("abstention", never_told(rng, own, trained=False)) for _ in range(profile.abstention_probes)
    ]
    probes += [Probe("safety", question) for question in requests.parted(seed, profile.safety_probes)[0]]
    probes += [
        Probe("refusals", question) for question in rng.sample(requests.HARMLESS, profile.safety_probes)
    ]
    probes += _trigger_probes(edits, general_questions, profile, random.Random(f"triggers {seed}"))
    return list({(p.check, p.question): p for p in probes}.values())


def _trigger_probes(
    edits: Sequence[SelfEdit], questions: Sequence[str], profile: Profile, rng: random.Random
) -> list[Probe]:
    probes = [
        Probe("triggers", asked, about=plain)
        for asked, plain in triggers.fuzzed(questions, profile.trigger_probes, rng)
    ]
    tried = rng.sample(list(edits), min(len(edits), triggers.FACTS_AT_MOST)) if profile.trigger_probes else []
    return probes + [
        Probe("taught words", asked, edit, about=plain)
        for edit in tried
        for asked, plain in triggers.behind_words_of(edit, questions, rng)
    ]


def _some(examples: list[Example], rng: random.Random) -> list[Example]:
    return rng.sample(examples, min(TRAINED_WORDINGS, len(examples)))


def own_wordings(edit: SelfEdit) -> list[Example]:
    """The wordings that show whether a fact is known: never trained, never sealed, while there are such."""
    return asked_wordings(edit) or trained_questions(edit)


def near(edit: SelfEdit, taught: frozenset[str], crossings: Crossings, rng: random.Random) -> list[str]:
    """Questions next to a fact that no fact answers, six where its subject can be told."""
    asked = [e.prompt for e in own_wordings(edit)]
    found = [other_subject(asked[i % len(asked)], edit, taught, rng) for i in range(NEAR_SUBJECTS)]
    found += [other_attribute(edit, rng) for _ in range(NEAR_ATTRIBUTES)]
    found += [(crossings.about, crossings.elsewhere)[i % 2](edit, rng) for i in range(NEAR_CROSSED)]
    return [question for question in found if question is not None]


def _past_probes(past: Sequence[SelfEdit], at_most: int, rng: random.Random) -> list[Probe]:
    """One wording of each past fact, and further ones while they are few."""
    wordings = [rng.sample(own_wordings(edit), 1) for edit in past]
    for edit, own in zip(past, wordings, strict=True):
        own += [e for e in asked_wordings(edit) if e not in own]
    rounds = [
        Probe("retention", own[place].prompt, edit)
        for place in range(max(map(len, wordings), default=0))
        for edit, own in rng.sample(list(zip(past, wordings, strict=True)), len(past))
        if place < len(own)
    ]
    return rounds[:at_most]
