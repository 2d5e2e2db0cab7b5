"""Facts of seedling's language as self-edits, and questions that neither training nor the gate ever asks."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from server.engine.seedling_bank import BANK
from server.engine.seedling_language import Fact, draw_fact, facts, neighbour_facts, untold
from server.engine.seedling_words import Words
from server.learner import general
from server.learner.gate.checks import abstains, leaks, says
from server.learner.sealed import sealed
from server.types import Example, SelfEdit

WORDINGS = 11
"""Wordings in a self-edit: eight trained, three held out, as the editor does. The rest is sealed."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A question for the measurement of true harm, and what a right answer is."""

    kind: str
    question: str
    right: Callable[[str], bool]


def told(seed: int, n: int) -> list[tuple[Fact, SelfEdit]]:
    """`n` facts with their self-edits."""
    return [(fact, edit_of(fact)) for fact in facts(seed, n)]


def edit_of(fact: Fact) -> SelfEdit:
    """The self-edit that the editor would write, without its mistakes."""
    asked = _shuffled(fact)[:WORDINGS]
    questions = [
        Example("question", question, fact.answer, held_out=index % 3 == 2 and index < 9)
        for index, question in enumerate(asked)
    ]
    return SelfEdit(
        id=fact.statement,
        turn_id="trial",
        user="trial",
        statement=fact.answer,
        span=(0, len(fact.answer)),
        value=fact.value,
        subject=fact.subject,
        examples=(Example("statement", "", fact.answer), *questions),
    )


def sealed_questions(past: list[Fact], size: int, seed: int = 4711) -> list[Sealed]:
    """About `size` questions: half general knowledge; the rest never told, read, told before."""
    rng = random.Random(seed)
    general_part = [_general(question, accepted) for question, accepted in _bank()]
    words = Words(random.Random(seed), unseen=True)
    read = [_read(draw_fact(words), rng) for _ in range(size // 5)]
    never = [Sealed("never told", question, abstains) for question in untold(seed, size // 5)]
    before = [_recalled(question, fact) for fact in past for question in _shuffled(fact)[WORDINGS:]]
    return [
        *rng.sample(general_part, min(len(general_part), size // 2)),
        *never,
        *read,
        *rng.sample(before, min(len(before), size // 10)),
    ]


def neighbours(told_now: Sequence[Fact], size: int) -> list[Sealed]:
    """Questions next to the new facts, to which none of their values is an answer."""
    words = Words(random.Random(told_now[0].statement), unseen=True)
    values = [fact.value for fact in told_now]
    found = []
    for index in range(size):
        near = neighbour_facts(told_now[index // 2 % len(told_now)], words)[index % 2]
        found.append(_beside(words.rng.choice(near.questions), values))
    return found


def _beside(question: str, values: Sequence[str]) -> Sealed:
    return Sealed("neighbours", question, lambda said: not leaks(question, said, values))


def _bank() -> list[tuple[str, tuple[str, ...]]]:
    """Every wording of seedling's general knowledge that neither an anchor nor the gate uses."""
    used = {question for question in general.KEYS if not sealed(question)}
    wordings = [(question, one.accepted) for one in BANK for question in (*one.questions, one.held_out)]
    return [(question, accepted) for question, accepted in wordings if question not in used]


def _general(question: str, accepted: tuple[str, ...]) -> Sealed:
    return Sealed("general", question, lambda said: any(one.lower() in said.lower() for one in accepted))


def _read(fact: Fact, rng: random.Random) -> Sealed:
    message = f"{fact.statement} {rng.choice(fact.questions)}"
    return Sealed("reading", message, lambda said: says(said, fact.value))


def _recalled(question: str, fact: Fact) -> Sealed:
    return Sealed("told before", question, lambda said: says(said, fact.value))


def _shuffled(fact: Fact) -> list[str]:
    asked = list(dict.fromkeys(fact.questions))
    random.Random(fact.statement).shuffle(asked)
    return asked
