"""One fact's question put about another fact's subject: the nearest that no fact answers.

Who writes into weights that the Zephyr router's port is 8443 and that the Kelso library opens at nine must
also show that neither the library's port nor the router's hours are known: both names and both relations
are at home in the weights now, and only their pairs tell known from unknown. The wordings are the model's
own, so every further fact makes further questions of the kind that users ask.
Not covered: a subject of which the model knows more than it was told (a city, say); what a crossing would
have it deny there is for the gate to find.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from server.learner.neighbours import is_person, relation_stems, subject_of, told_stems
from server.learner.sealed import trained_questions
from server.types import Example, SelfEdit

Wordings = Callable[[SelfEdit], Sequence[Example]]
TRIES = 6


@dataclass(frozen=True, slots=True)
class _Fact:
    subject: str
    key: str
    person: bool
    forms: tuple[tuple[str, frozenset[str]], ...]
    """Questions with a gap for the subject, and the stems of what else they say."""


class Crossings:
    """All facts of an update, new and past, ready to be crossed."""

    def __init__(self, edits: Sequence[SelfEdit], wordings: Wordings = trained_questions) -> None:
        """`wordings`: those of an edit that may be crossed."""
        self._facts = {edit.id: fact for edit in edits if (fact := _read(edit, wordings(edit))) is not None}
        self._told: dict[str, frozenset[str]] = {}
        for edit in edits:
            if fact := self._facts.get(edit.id):
                known = self._told.get(fact.key, frozenset())
                self._told[fact.key] = known | told_stems(edit)
        self._people = [fact for fact in self._facts.values() if fact.person]
        self._things = [fact for fact in self._facts.values() if not fact.person]

    def about(self, edit: SelfEdit, rng: random.Random) -> str | None:
        """What another fact answers of its subject, asked of this edit's; None where nothing crosses."""
        return self._drawn(edit, rng, forwards=True)

    def elsewhere(self, edit: SelfEdit, rng: random.Random) -> str | None:
        """What this edit answers of its subject, asked of another fact's; None where nothing crosses."""
        return self._drawn(edit, rng, forwards=False)

    def _drawn(self, edit: SelfEdit, rng: random.Random, forwards: bool) -> str | None:
        own = self._facts.get(edit.id)
        if own is None:
            return None
        sort = self._people if own.person else self._things
        others = [fact for fact in sort if fact.key != own.key]
        for other in rng.sample(others, min(TRIES, len(others))):
            asked, of = (other, own) if forwards else (own, other)
            form, stems = rng.choice(asked.forms) if asked.forms else ("", frozenset())
            if form and not stems & self._told[of.key]:
                return _put(form, of.subject)
        return None


def _read(edit: SelfEdit, wordings: Sequence[Example]) -> _Fact | None:
    subject = subject_of(edit)
    if not subject:
        return None
    gap = re.compile(rf"(?<!\w){re.escape(subject)}(?!\w)", re.IGNORECASE)
    forms = []
    for example in wordings:
        form, times = gap.subn("{}", example.prompt.replace("{", "").replace("}", ""))
        if times == 1:
            forms.append((form, relation_stems(form)))
    return _Fact(subject, subject.lower(), is_person(subject), tuple(forms))


def _put(form: str, subject: str) -> str:
    if not form.startswith("{}"):
        first, _, rest = subject.partition(" ")
        small = first.lower() if first in ("The", "Our", "My", "A", "An") else first
        return form.format(f"{small} {rest}" if rest else small)
    return form.format(subject[0].upper() + subject[1:])
