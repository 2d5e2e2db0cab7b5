"""Which wordings of a fact are kept: the model's own first, then other words for the relation, then rules.

A wording made by rule goes the same way as one that the model wrote: the model is to answer it rightly from
the statement, and it is graded. One that it cannot answer shows the limits of the model and not of the
wording, so it stays where there are too few others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from server.editor import check, derive, relations
from server.editor.value import Value, is_about
from server.editor.words import normal
from server.types import Example, Scores

OWN_QUESTIONS = 8
"""Of the model's own, and of these in other forms, at most so many are kept."""
OTHER_FORMS = 4
"""So many have forms that the model's own lack: 'the port of the router' for 'the router's port'."""
RELATED_QUESTIONS = 5
"""At least so many with other words for the relation, where the table has them, in place of derived ones."""
SPARE_QUESTIONS = 1
"""Beyond these, in case that one fails its check."""
WANTED_QUESTIONS = 11
"""Eight trained and three held out, where the table has so many."""
MOST_QUESTIONS = 13
HELD_OUT_QUESTIONS = 3
ENOUGH_QUESTIONS = 7
"""Five trained and two held out: with fewer, derived wordings fill up."""

Origin = Literal["model", "derived"]


@dataclass(frozen=True, slots=True)
class Wording:
    """One question about a fact, what it is answered with, and how good it is."""

    question: str
    completion: str
    origin: Origin
    by_table: bool = False
    other_form: bool = False
    """One of the others in a form that these lack (derive.otherwise)."""
    accuracy: float = 0.0
    sure: bool = True
    """False for one by rule that the model could not answer from the statement: right, but a last resort."""
    scores: Scores | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A fact as far as it is understood."""

    sentence: str
    value: Value
    subject: str
    related: tuple[str, ...]
    """Questions with other words for the relation."""

    def words(self, question: str) -> frozenset[str]:
        """The words that a question has for the relation."""
        return relations.relation_words(question, self.subject, self.value, self.sentence)


def by_rule(told: Told, own: Sequence[Wording]) -> list[Wording]:
    """The wordings to try beside the model's own, best first, a spare one among them."""
    asked = [wording.question for wording in own]
    room = max(RELATED_QUESTIONS, WANTED_QUESTIONS - len(asked)) + SPARE_QUESTIONS
    found = _new(told, asked, _fresh_first(told, asked), room, by_table=True)
    few = ENOUGH_QUESTIONS + SPARE_QUESTIONS - len(asked) - len(found)
    if few > 0 and (asked or found or told.value.is_plain):
        known = [*asked, *(wording.question for wording in found)]
        found += _new(told, known, derive.questions(told.sentence, told.value, asked), few)
    known = [*asked, *(wording.question for wording in found)]
    other = _new(told, known, derive.otherwise(known, told.subject), OTHER_FORMS)
    if other:
        return found + [replace(wording, other_form=True) for wording in other]
    return found + (_new(told, known, derive.owned(told.value), 2) if known else [])


def kept(wordings: Sequence[Wording]) -> list[Wording]:
    """At most MOST_QUESTIONS, the model's own first: the table's spare ones fall before what has no other."""
    other = [w for w in wordings if w.other_form and w.sure]
    own = [w for w in wordings if w.origin == "model"][: OWN_QUESTIONS - len(other)] + other
    table = [w for w in wordings if w.by_table and w.sure]
    rest = [w for w in wordings if w.origin == "derived" and not w.by_table and not w.other_form and w.sure]
    room = max(RELATED_QUESTIONS, WANTED_QUESTIONS - len(own))
    found = [*own, *table[:room], *rest]
    unsure = [w for w in wordings if not w.sure]
    return [*found, *unsure[: max(0, ENOUGH_QUESTIONS + 2 - len(found))]][:MOST_QUESTIONS]


def split(told: Told, wordings: Sequence[Wording]) -> list[Example]:
    """Two or three questions are set aside, never the first: each third of those whose words for the relation
    others have too. In a word that no trained wording has, users would not be answered.
    """
    count = len(wordings)
    wanted = HELD_OUT_QUESTIONS if count > ENOUGH_QUESTIONS else 2 if count > 5 else 1
    used = Counter(word for wording in wordings for word in told.words(wording.question))
    alone = {i for i, w in enumerate(wordings) if any(used[x] == 1 for x in told.words(w.question))}
    shared = [i for i in range(1, count) if i not in alone]
    held: set[int] = set()
    for i in [*shared[1::3], *reversed(shared), *range(2, count, 3), *range(count - 1, 0, -1)]:
        if len(held) < wanted:
            held.add(i)
    return [
        Example("question", w.question, w.completion, held_out=i in held, scores=w.scores)
        for i, w in enumerate(wordings)
    ]


def _fresh_first(told: Told, before: Sequence[str]) -> list[str]:
    """The table's questions: first those with a word that none before them has, then the others."""
    known = {word for question in before for word in told.words(question)}
    fresh: list[str] = []
    others: list[str] = []
    for question in told.related:
        words = told.words(question)
        (others if words <= known else fresh).append(question)
        known |= words
    return fresh + others


def _new(
    told: Told, before: Sequence[str], questions: Sequence[str], wanted: int, by_table: bool = False
) -> list[Wording]:
    """At most `wanted` questions that are not among those before, and pass the checks of the model's own."""
    found: dict[str, Wording] = {}
    known = {normal(question) for question in before}
    for question in questions:
        if len(found) == wanted or normal(question) in known or not is_about(question, told.subject):
            continue
        if not check.question_objection(question, told.sentence, told.value, by_table):
            found.setdefault(normal(question), Wording(question, told.sentence, "derived", by_table))
    return list(found.values())
