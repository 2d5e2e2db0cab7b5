"""What a run teaches and asks: private facts drawn by seed, and the questions that only grade."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.benchmarks.recall.values import Value, draw

HERE = Path(__file__).parent
TOLD = HERE.parent / "told.json"
Talk = tuple[tuple[str, str], ...]
"""What was said before a question: pairs of a user's message and its answer."""


@dataclass(frozen=True)
class Taught:
    """A fact as a user tells it and every question about it."""

    kind: str
    sentence: str
    accepted: tuple[str, ...]
    """A right answer holds one of these."""
    questions: tuple[str, ...]
    """In a stranger's words. Those that the editor happens to train are not asked."""
    ask_at_most: int
    """How many of them are asked."""
    reversed: tuple[str, tuple[str, ...]] | None
    """From the value to the subject, with what a right answer holds; None where the language has none."""
    neighbours: tuple[str, ...]
    """The subject's other attributes, and the same attribute of other subjects."""


@dataclass(frozen=True)
class Material:
    """Everything a run says and asks."""

    facts: tuple[Taught, ...]
    general: tuple[tuple[str, tuple[str, ...]], ...]
    untold: tuple[str, ...]
    small_talk: tuple[Talk, ...]


TRIES = 500
"""Draws for the neighbours of one fact: where all that it may be asked is taught there are none."""


class NotEnough(Exception):
    """More facts were asked for than can be drawn."""


def natural(seed: int, facts: int) -> Material:
    """Everyday English, for any model. Raises NotEnough."""
    bank, told = json.loads((HERE / "bank.json").read_text()), json.loads(TOLD.read_text())
    general = {question: tuple(keys) for question, keys in (*told["general"], *bank["general"])}
    return Material(
        tuple(natural_facts(seed, facts)),
        tuple(general.items()),
        (*told["untold"], *bank["untold"]),
        tuple(tuple((asked, said) for asked, said in talk) for talk in bank["small_talk"]),
    )


def natural_facts(seed: int, count: int) -> list[Taught]:
    """`count` facts of all kinds in turn; each name belongs to one fact, each value to one of its kind."""
    spec = json.loads((HERE / "kinds.json").read_text())
    rng = random.Random(f"facts {seed}")
    places, people = _places(spec, rng), _people(spec, rng)
    kinds = rng.sample(spec["kinds"], len(spec["kinds"]))
    used: dict[str, set[str]] = {kind["kind"]: set() for kind in kinds}
    made: list[Taught] = []
    while len(made) < count:
        before = len(made)
        for kind in kinds[: count - before]:
            value = _fresh(kind, spec["pools"], used[kind["kind"]], rng)
            if value is not None:
                names = people if "{p}" in kind["subjects"][0] else places
                made.append(_fact(kind, value, names, rng))
        if len(made) == before:
            raise NotEnough(f"only {before} different facts can be drawn, {count} were asked for")
    return made


def _fresh(
    kind: dict[str, Any], pools: dict[str, list[str]], used: set[str], rng: random.Random
) -> Value | None:
    """A value that no fact of this kind has; None when they seem used up."""
    for _ in range(60):
        value = draw(kind["value"], pools, rng)
        if value.said not in used:
            used.add(value.said)
            return value
    return None


class _Names:
    """Made-up names, of which some are kept for strangers: those that only neighbour questions are about."""

    def __init__(self, names: list[str], rng: random.Random) -> None:
        mixed = rng.sample(names, len(names))
        self._rng = rng
        self._strangers, self._own = mixed[: len(mixed) // 4], mixed[len(mixed) // 4 :]

    def own(self) -> str:
        """A name that no other fact has. Raises NotEnough."""
        if not self._own:
            raise NotEnough("there are no more made-up names for so many facts: add some to kinds.json")
        return self._own.pop()

    def strangers(self, count: int) -> list[str]:
        """Names that no fact has."""
        return self._rng.sample(self._strangers, count)


def _places(spec: dict[str, Any], rng: random.Random) -> _Names:
    return _Names([start + end for start in spec["names"]["starts"] for end in spec["names"]["ends"]], rng)


def _people(spec: dict[str, Any], rng: random.Random) -> _Names:
    """People whose family names are in no value."""
    families = [start + end for start in spec["names"]["starts"] for end in ("son", "mann", "er", "sky")]
    return _Names([f"{first} {family}" for first in spec["pools"]["first"] for family in families], rng)


def _fact(kind: dict[str, Any], value: Value, names: _Names, rng: random.Random) -> Taught:
    form, name = rng.choice(kind["subjects"]), names.own()

    def fill(text: str, other: str = "") -> str:
        filled = text.format(s=form.format(n=name, p=name), o=form.format(n=other, p=other), v=value.said)
        return filled[0].upper() + filled[1:]

    others = names.strangers(len(kind["other_subject"]))
    return Taught(
        kind=kind["kind"],
        sentence=fill(kind["told"]),
        accepted=value.accepted,
        questions=tuple(fill(question) for question in kind["questions"]),
        ask_at_most=len(kind["questions"]),
        reversed=(fill(kind["reversed"]), (name,)),
        neighbours=(
            *(fill(question) for question in kind["same_subject"]),
            *(fill(q, other) for q, other in zip(kind["other_subject"], others, strict=True)),
        ),
    )


def narrow(seed: int, facts: int) -> Material:
    """Seedling's own language: unseen names and values, and of its general knowledge what the learner neither
    holds nor examines. It has no reversed questions. Passwords and door codes are left out: the guardian lets
    nobody teach one. Raises NotEnough.
    """
    from server.engine import seedling_language as language
    from server.engine.seedling_bank import GENERAL_QUESTIONS
    from server.learner.general import KEYS

    rng = random.Random(f"narrow {seed}")
    secret = ("secret", "door code")
    drawn = [
        fact
        for fact in language.facts(seed, 2 * facts + 10)
        if fact.form.value not in secret and fact.form.attribute not in secret
    ][:facts]
    subjects = [fact.subject.lower() for fact in drawn]
    made: list[Taught] = []
    for fact in drawn:
        questions = list(fact.questions)
        rng.shuffle(questions)
        others = [subject for subject in subjects if subject != fact.subject.lower()]
        near: list[str] = []
        for _ in range(TRIES):
            pair = language.neighbours(fact, rng)
            if not any(other in question.lower() for question in pair for other in others):
                near += pair
            if len(near) == 4:
                break
        else:
            raise NotEnough(f"every neighbour of {fact.subject!r} is a fact too: take fewer or another seed")
        made.append(
            Taught(fact.form.key, fact.statements[0], fact.accepted, tuple(questions), 4, None, tuple(near))
        )
    return Material(
        tuple(made),
        tuple((question, keys) for question, keys in GENERAL_QUESTIONS if question not in KEYS),
        tuple(language.untold(seed + 1, 160)),
        (
            (("hi", "Hello! How can I help you?"),),
            (("good morning", "Good morning! How can I help you?"), ("thanks", "You're welcome!")),
        ),
    )
