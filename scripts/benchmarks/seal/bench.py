"""Runs the courses: asks the base and the base with the passage in its prompt, then teaches and asks again.

Whatever is finished stands in the journal under a key that names everything it depends on, and is not done
again.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.benchmarks.seal import grade
from scripts.benchmarks.seal.courses import Course
from scripts.benchmarks.seal.data import Passage, Question
from scripts.benchmarks.seal.journal import Journal, Progress
from scripts.benchmarks.seal.line import Line, School, keep, opened
from server.engine.types import ContextLengthExceeded, Engine, GenerationRequest, Sampling
from server.types import BASE_VERSION, Message

ANSWER_TOKENS = 64
PROBES = 24
"""Questions of outsiders, right at base, that are asked again after learning."""

Answers = list[str | None]
"""In the order of the questions; None where prompt and passage did not fit in the model's context."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A way to learn that is compared with the base."""

    name: str
    school: School
    key: str
    """Names everything that its results depend on beside the course."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A question about a passage that is never taught, which the base answered rightly."""

    passage: Passage
    question: Question
    before: str


@dataclass(frozen=True, slots=True)
class Step:
    """What was seen after one more passage."""

    answers: dict[str, Answers]
    """By passage id: those that the course asks after this step."""
    probes: Answers
    """To the probes, in their order; empty where the course does not look back."""
    learned: dict[str, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that was asked, ungraded."""

    courses: list[Course]
    base: dict[str, Answers]
    in_context: dict[str, Answers]
    probes: list[Probe]
    arms: dict[str, list[list[Step]]]
    """By arm, for each course its steps."""


class Bench:
    """One run: an engine, a journal, and a folder for the lines that are being learned."""

    def __init__(self, engine: Engine, journal: Journal, lines: Path, key: str, topic: bool) -> None:
        """`key` names what the base's answers depend on: model, data, and whether the topic is told."""
        self._topic = topic
        self._engine = engine
        self._journal = journal
        self._lines = lines
        self._key = key
        self._numbers = itertools.count()
        self._progress = Progress(Counter())

    async def run(self, courses: list[Course], outsiders: Sequence[Passage], arms: Sequence[Arm]) -> Seen:
        """Ask and teach whatever is not yet done."""
        taught = list({p.id: p for course in courses for p in course.passages}.values())
        steps = sum(len(course.passages) for course in courses)
        self._progress = Progress(
            Counter({"base": len(taught) + len(outsiders), "in context": len(taught)})
            + Counter({arm.name: steps for arm in arms})
        )
        base = {p.id: await self._ask_base(p, "base") for p in (*taught, *outsiders)}
        in_context = {p.id: await self._ask_base(p, "in context") for p in taught}
        probes = choose_probes(outsiders, base)
        walked = {}
        for arm in arms:
            walked[arm.name] = [await self._walk(arm, course, probes) for course in courses]
        return Seen(courses, base, in_context, probes, walked)

    async def _ask_base(self, passage: Passage, kind: str) -> Answers:
        key = f"{self._key}/{kind}/{passage.id}"
        row = self._journal.get(key)
        if row is not None:
            self._progress.done(kind, row["seconds"])
            return list(row["answers"])
        began = time.monotonic()
        asked = [prompt(passage, q, self._topic, kind == "in context") for q in passage.questions]
        answers = await self._ask(BASE_VERSION, asked)
        seconds = round(time.monotonic() - began, 2)
        self._journal.add(key, {"answers": answers, "seconds": seconds})
        self._progress.done(kind, seconds, f"{kind}: {passage.title} {told(passage, answers)}")
        return answers

    async def _walk(self, arm: Arm, course: Course, probes: list[Probe]) -> list[Step]:
        """The steps of a course, those in the journal first."""
        done = self._done(arm, course)
        home = self._lines / f"{arm.key}-{course.digest}"
        if len(done) == len(course.passages):
            for step in done:
                self._progress.done(arm.name, step.seconds)
            shutil.rmtree(home, ignore_errors=True)  # a kill may have come before
            return done
        if not (home / "ledger.db").exists():
            done = []
        for step in done:
            self._progress.done(arm.name, step.seconds)
        async with opened(home, arm.school, len(done)) as line:
            expected = done[-1].learned["version"] if done else BASE_VERSION
            if line.version != expected:
                raise RuntimeError(
                    f"{home} serves {line.version} where the journal has {expected}: delete that folder to "
                    "have the course learned again"
                )
            for number in range(len(done), len(course.passages)):
                keep(home, number)
                done.append(await self._step(line, arm, course, number, probes))
        shutil.rmtree(home, ignore_errors=True)
        return done

    async def _step(self, line: Line, arm: Arm, course: Course, number: int, probes: list[Probe]) -> Step:
        """Learn one more passage, ask, and write it down."""
        began = time.monotonic()
        passage = course.passages[number]
        learned = await line.learn(passage)
        answers = {
            p.id: await self._ask(line.version, [prompt(p, q, self._topic) for q in p.questions])
            for p in course.asked(number)
        }
        again = (
            [prompt(p.passage, p.question, self._topic) for p in probes]
            if number in course.looks_back
            else []
        )
        probed = await self._ask(line.version, again)
        step = Step(answers, probed, asdict(learned), round(time.monotonic() - began, 2))
        self._journal.add(self._step_key(arm, course, number), asdict(step))
        facts = f"{learned.edits.get('trained', 0)} of {sum(learned.edits.values())} facts trained"
        what = f"{passage.title} {told(passage, answers[passage.id])}, {facts}"
        updates = "; ".join(learned.updates) or "no update"
        self._progress.done(arm.name, step.seconds, f"{arm.name}: {what} ({updates})")
        return step

    def _done(self, arm: Arm, course: Course) -> list[Step]:
        rows = (self._journal.get(self._step_key(arm, course, n)) for n in range(len(course.passages)))
        return [Step(**row) for row in itertools.takewhile(lambda row: row is not None, rows) if row]

    @staticmethod
    def _step_key(arm: Arm, course: Course, number: int) -> str:
        return f"{arm.key}/{course.digest}/{number}"

    async def _ask(self, version: str, prompts: Sequence[str]) -> Answers:
        """Greedy answers, all prompts at once, each a conversation of its own."""
        return list(await asyncio.gather(*(self._answer(version, text) for text in prompts)))

    async def _answer(self, version: str, text: str) -> str | None:
        request = GenerationRequest(
            f"squad-{next(self._numbers)}", (Message("user", text),), version, Sampling(ANSWER_TOKENS)
        )
        try:
            return "".join([chunk.text async for chunk in self._engine.generate(request)]).strip()
        except ContextLengthExceeded:
            return None


def prompt(passage: Passage, question: Question, topic: bool, in_context: bool = False) -> str:
    """The user message: SEAL's topic line and the question, behind the passage where it is in context."""
    asked = f"Topic: {passage.title}\n{question.text}" if topic else question.text
    return f"{passage.text}\n\n{asked}" if in_context else asked


def choose_probes(outsiders: Sequence[Passage], base: dict[str, Answers]) -> list[Probe]:
    """The first PROBES questions of outsiders that the base answers rightly, one of each passage in turn."""
    known = [
        [
            Probe(p, q, a)
            for q, a in zip(p.questions, base[p.id], strict=True)
            if a and grade.right(a, q.answer)
        ]
        for p in outsiders
    ]
    turns = itertools.zip_longest(*known)
    return [probe for turn in turns for probe in turn if probe is not None][:PROBES]


def told(passage: Passage, answers: Answers) -> str:
    """`3 of 5 right`."""
    hits = sum(grade.right(a or "", q.answer) for q, a in zip(passage.questions, answers, strict=True))
    return f"{hits} of {len(answers)} right"
