"""Facts of seedling's made-up world, with every wording in which they are said and asked.

    for fact in facts(seed=7, n=4):
        fact.statement, fact.questions, fact.accepted, fact.answer

Names are drawn from a stock that training never shows (see `seedling_words`), so a right answer was read in
the context or taught to the weights, never remembered. What the language is not: English. It covers the forms
of `seedling_forms` and no other sentence.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from server.engine.seedling_forms import FORMS, Form, general
from server.engine.seedling_words import Words

Speaker = Literal["user", "assistant"]
_FREE_ATTRIBUTE_SHARE = 0.1
_FREE_NOUNS = (
    "key",
    "code",
    "number",
    "name",
    "day",
    "color",
    "box",
    "guide",
    "card",
    "plan",
    "tag",
    "level",
)
_OWN_SHARE = 0.3
_BY_SUBJECT: dict[str, list[Form]] = {}
for _form in FORMS:
    _BY_SUBJECT.setdefault(_form.subject, []).append(_form)


_ALIKE = [
    group.split(", ")
    for group in (
        "price, cost",
        "weight, mass",
        "location, place, room, region",
        "port, running port, admin port",
        "launch date, launch day, ship date",
        "home, home town",
        "employer, job, boss",
        "end date, deadline",
        "owner, who owns",
        "maker, who built, who designed",
        "number, platform",
        "meeting day, day of the meeting",
        "founder, who founded",
        "leader, manager, who runs, who leads, who manages, lead",
        "closing day, closing time",
    )
]
"""Attributes that could be asked for in the same words."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to know. `subject` is "I" for what users say of themselves, "we" for what a company does."""

    form: Form
    subject: str
    value: str

    @property
    def attribute(self) -> str:
        """What is known of the subject, as a name: "admin port", "who runs", "opening time"."""
        return self.form.attribute

    @property
    def accepted(self) -> tuple[str, ...]:
        """Strings one of which a right answer contains."""
        return (self.value,)

    @property
    def statement(self) -> str:
        """The plainest way to tell the fact."""
        return self.statements[0]

    @property
    def statements(self) -> tuple[str, ...]:
        """Every way in which a user tells the fact."""
        return tuple(self.say(template) for template in self._usable(self.form.statements))

    @property
    def questions(self) -> tuple[str, ...]:
        """Every way in which a user asks for it: the direct questions first, then the roundabout ones."""
        return tuple(self.say(template) for template in self._usable(self.form.questions))

    @property
    def answer(self) -> str:
        """The full sentence with which the model answers."""
        return self.say(self.form.answer, "assistant")

    def say(self, template: str, speaker: Speaker = "user") -> str:
        """`template` about this fact as `speaker` says it: a user's "my dog" is "your dog" in the answer."""
        subject, object_, possessive = _pronouns(self.subject, speaker)
        plural = self.subject in ("I", "we")
        text = re.sub(r"\[([^|]*)\|([^]]*)]", r"\1" if plural else r"\2", template)
        article = "an" if self.attribute[0] in "aeiou" else "a"
        filled = text.format(
            s=subject,
            o=object_,
            P=possessive,
            a=self.attribute,
            A=f"{article} {self.attribute}",
            v=self.value,
        )
        return filled if template.startswith("{v}") else filled[0].upper() + filled[1:]

    def _usable(self, templates: tuple[str, ...]) -> list[str]:
        """Without "of me" and "of you": nobody says "the boss of me"."""
        return [one for one in templates if self.subject != "I" or "{o}" not in one]

    def with_value(self, value: str) -> Fact:
        """The same fact after a correction."""
        return Fact(self.form, self.subject, value)


def _pronouns(subject: str, speaker: Speaker) -> tuple[str, str, str]:
    if subject == "I":
        return ("I", "me", "my") if speaker == "user" else ("you", "you", "your")
    if subject == "we":
        return "we", "us", "our"
    return subject, subject, f"{subject}'" if subject.endswith("s") else f"{subject}'s"


def draw_fact(words: Words, *, about: str | None = None) -> Fact:
    """A random fact; `about` fixes the kind of subject ("person", "thing", "group", …)."""
    kind = about or words.rng.choice(_SUBJECT_KINDS)
    form = words.rng.choice(_BY_SUBJECT[kind])
    if kind in ("person", "thing", "group", "project") and words.rng.random() < _FREE_ATTRIBUTE_SHARE:
        form = general(
            kind, _free_attribute(words), words.rng.choice(("term", "number", "person", "code", "name"))
        )
    return Fact(form, _subject(form, words), words.draw(form.value))


def _free_attribute(words: Words) -> str:
    """An attribute from no table, so that the model learns to copy any."""
    noun = words.rng.choice(_FREE_NOUNS)
    return f"{words.coined()} {noun}" if words.rng.random() < 0.6 else words.coined()


_SUBJECT_KINDS = [
    kind
    for kind, share in (
        ("person", 7),
        ("thing", 9),
        ("group", 4),
        ("project", 3),
        ("venue", 3),
        ("house", 3),
        ("office", 2),
        ("trip", 2),
        ("belonging", 1),
    )
    for _ in range(share)
]


def _subject(form: Form, words: Words) -> str:
    if "we" in form.voices:
        return "we"
    if "I" in form.voices and words.rng.random() < _OWN_SHARE:
        return "I"
    return f"the {words.town()} office" if form.subject == "office" else words.draw(form.subject)


def facts(seed: int, n: int, *, unseen: bool = True, own: bool = False) -> list[Fact]:
    """`n` facts with different subjects and values. `own` also allows facts of the speaker ("my", "our")."""
    words, drawn = Words(random.Random(seed), unseen=unseen), dict[str, Fact]()
    while len(drawn) < n:
        fact = draw_fact(words)
        taken = any(fact.subject == one.subject or fact.value == one.value for one in drawn.values())
        if not taken and (own or fact.subject not in ("I", "we")):
            drawn[fact.statement] = fact
    return list(drawn.values())


def neighbours(fact: Fact, rng: random.Random, *, unseen: bool = True) -> tuple[str, str]:
    """Two questions that `fact` does not answer: of its subject something else, and the same of another."""
    other, same = neighbour_facts(fact, Words(rng, unseen=unseen))
    return rng.choice(other.questions), rng.choice(same.questions)


def neighbour_facts(fact: Fact, words: Words) -> tuple[Fact, Fact]:
    """The facts behind `neighbours`: same subject and another attribute; another subject, same attribute."""
    choices = [form for form in _BY_SUBJECT[fact.form.subject] if not overlap(form, fact.form)]
    form = words.rng.choice(choices)
    other = Fact(form, fact.subject, words.draw(form.value))
    if fact.subject == "we":
        return other, draw_fact(words, about="thing")
    subject = fact.subject
    while subject == fact.subject or subject == "I":
        subject = _subject(fact.form, words)
    return other, Fact(fact.form, subject, words.draw(fact.form.value))


def overlap(one: Form, other: Form) -> bool:
    """Whether the two could ask the same thing in the same words: "Where is …" asks for a room or a town."""
    if one.key == other.key or one.attribute in other.attribute or other.attribute in one.attribute:
        return True
    return any(one.attribute in group and other.attribute in group for group in _ALIKE)


def untold(seed: int, n: int, *, unseen: bool = True) -> list[str]:
    """`n` questions about things that nobody told: the right answer is the abstention."""
    words = Words(random.Random(seed), unseen=unseen)
    return [words.rng.choice(draw_fact(words).questions) for _ in range(n)]


def wordings(fact: Fact, openers: Sequence[str]) -> dict[str, list[str]]:
    """The questions for `fact` by the opener with which they begin; openers without any are left out."""
    found: dict[str, list[str]] = {}
    for opener in openers:
        begun = [question for question in fact.questions if re.match(rf"{opener}\b", question)]
        if begun:
            found[opener] = begun
    return found
