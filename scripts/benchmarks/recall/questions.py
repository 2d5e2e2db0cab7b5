"""The questions of a run, fixed once so that every checkpoint asks the same, and how an answer is graded."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scripts.benchmarks.common import Server, abstains, ask_all, holds, plain
from scripts.benchmarks.recall.formats import FormatProbe
from scripts.benchmarks.recall.material import Material, Talk, Taught

FACT_ROWS = ("paraphrase", "same wording", "conversation", "reversed")
"""Rows of the table that count recall of taught facts."""
KEPT_ROWS = ("general", "untold", "format")
"""Rows that count what is still as it was with the base."""
ACKNOWLEDGED = "Okay."
LONG_TOKENS, SHORT_TOKENS = 120, 48


@dataclass(frozen=True)
class Question:
    """One question as it is put to the server. `row` says what its answer shows."""

    row: str
    index: int
    """Of the fact, of the general question, or of the format probe."""
    messages: list[dict[str, str]]
    accepted: list[str]


@dataclass(frozen=True)
class Answered:
    """A question's answer; `good` is what one wants: recalled, not bled, right, abstained, form kept."""

    row: str
    index: int
    question: str
    answer: str
    good: bool


def about_facts(
    facts: Sequence[Taught], trained: Sequence[Sequence[str]], small_talk: Sequence[Talk]
) -> tuple[list[Question], int]:
    """The questions about each fact, and how many are left out because the editor had written them.

    `trained` holds, for each fact, the questions of its self-edits; the first is asked in the same wording.
    """
    asked: list[Question] = []
    dropped = 0
    for index, (fact, own) in enumerate(zip(facts, trained, strict=True)):
        known = {plain(question) for question in own}
        fresh = [question for question in fact.questions if plain(question) not in known]
        dropped += len(fact.questions) - len(fresh)
        accepted = list(fact.accepted)
        asked += [_plainly("paraphrase", index, q, accepted) for q in fresh[: fact.ask_at_most]]
        asked += [_plainly("same wording", index, q, accepted) for q in own[:1]]
        if fresh:
            talk = small_talk[index % len(small_talk)]
            last = fresh[min(len(fresh), fact.ask_at_most) - 1]
            asked.append(Question("conversation", index, _after(talk, last), accepted))
        if fact.reversed is not None:
            asked.append(_plainly("reversed", index, fact.reversed[0], list(fact.reversed[1])))
        asked += [_plainly("neighbour", index, question, []) for question in fact.neighbours]
    return asked, dropped


def about_the_rest(material: Material, formats: Sequence[FormatProbe]) -> list[Question]:
    """What a run must not change."""
    return [
        *(_plainly("general", n, q, list(keys)) for n, (q, keys) in enumerate(material.general)),
        *(_plainly("untold", n, q, []) for n, q in enumerate(material.untold)),
        *(_plainly("format", n, probe.request, []) for n, probe in enumerate(formats)),
    ]


def in_context(questions: Sequence[Question], facts: Sequence[Taught]) -> list[Question]:
    """The paraphrases in a conversation in which the user told the fact just before."""
    return [
        Question(
            "in context",
            q.index,
            _after(((facts[q.index].sentence, ACKNOWLEDGED),), q.messages[-1]["content"]),
            q.accepted,
        )
        for q in questions
        if q.row == "paraphrase"
    ]


def ask(
    server: Server,
    questions: Sequence[Question],
    at: str,
    tag: str,
    taught: Sequence[str],
    formats: Sequence[FormatProbe],
) -> list[dict[str, Any]]:
    """Each question by a fresh user to the pinned version, graded. `taught`: every value told so far."""
    said: dict[int, str] = {}
    for tokens in (SHORT_TOKENS, LONG_TOKENS):
        these = [n for n, q in enumerate(questions) if (q.row == "format") == (tokens == LONG_TOKENS)]
        answers = ask_all(server, [questions[n].messages for n in these], at, f"{tag}-{tokens}", tokens)
        said.update(zip(these, answers, strict=True))
    return [
        dataclasses.asdict(
            Answered(q.row, q.index, _text(q), said[n], grade(q, said[n], taught, formats)),
        )
        for n, q in enumerate(questions)
    ]


def grade(question: Question, answer: str, taught: Sequence[str], formats: Sequence[FormatProbe]) -> bool:
    """Whether the answer is what one wants of this row."""
    if question.row == "neighbour":
        return not holds(answer, [value for value in taught if not holds(_text(question), [value])])
    if question.row == "untold":
        return abstains(answer)
    if question.row == "format":
        return formats[question.index].holds(answer)
    return holds(answer, question.accepted)


def _plainly(row: str, index: int, question: str, accepted: list[str]) -> Question:
    return Question(row, index, [{"role": "user", "content": question}], accepted)


def _after(talk: Talk, question: str) -> list[dict[str, str]]:
    messages = [
        {"role": role, "content": text}
        for asked, said in talk
        for role, text in (("user", asked), ("assistant", said))
    ]
    return [*messages, {"role": "user", "content": question}]


def _text(question: Question) -> str:
    return question.messages[-1]["content"]
