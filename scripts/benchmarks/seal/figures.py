"""From answers to figures. Everything is a mean over passages of the share of their questions answered
rightly.

A question counts in a comparison only where both answers could be graded. Intervals are paired bootstraps, by
passage or, for the matrix, by sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from statistics import mean
from typing import Any

from scripts.benchmarks.common import abstains
from scripts.benchmarks.seal import grade
from scripts.benchmarks.seal.bench import Answers, Seen, Step
from scripts.benchmarks.seal.data import Passage, Question
from scripts.benchmarks.seal.judge import Asked, Judge

Grades = list[bool | None]
"""In the order of the questions; None where an answer could not be had or not be judged."""
Grader = Callable[[Sequence[tuple[Question, str | None]]], Grades]


def by_match(asked: Sequence[tuple[Question, str | None]]) -> Grades:
    """Normalised containment."""
    return [None if answer is None else grade.right(answer, question.answer) for question, answer in asked]


def by_judge(judge: Judge) -> Grader:
    """The judge's word."""

    def graded(asked: Sequence[tuple[Question, str | None]]) -> Grades:
        there = [Asked(q.text, q.answer, answer) for q, answer in asked if answer is not None]
        verdicts = iter(judge.verdicts(there))
        return [None if answer is None else next(verdicts) for _, answer in asked]

    return graded


class Figures:
    """The figures of one experiment under one grader."""

    def __init__(self, seen: Seen, grader: Grader) -> None:
        self._seen = seen
        self._grader = grader
        self._passages = {p.id: p for course in seen.courses for p in course.passages}
        self._base = {p: self._graded(self._passages[p], seen.base[p]) for p in self._passages}
        self._in_context = {p: self._graded(self._passages[p], seen.in_context[p]) for p in self._passages}
        self._probes_before = grader([(probe.question, probe.before) for probe in seen.probes])

    def single(self) -> dict[str, Any]:
        """One row for the base, the passage in context, and each arm."""
        rows = {
            "base": self._row(self._base, self._seen.base, []),
            "in context": self._row(self._in_context, self._seen.in_context, []),
        }
        for arm, courses in self._seen.arms.items():
            steps = [course[0] for course in courses]
            answers = {p: a for step in steps for p, a in step.answers.items()}
            graded = {p: self._graded(self._passages[p], a) for p, a in answers.items()}
            rows[arm] = {**self._row(graded, answers, steps), "learning": learning(steps)}
        return {"rows": rows, "passages": len(self._passages)}

    def matrix(self) -> dict[str, Any]:
        """By arm: the matrix, and after each edit the mean over what was seen, beside the base's on it."""
        length = max(len(course.passages) for course in self._seen.courses)
        places = [[c.passages[j].id for c in self._seen.courses] for j in range(length)]
        return {
            "sequences": len(self._seen.courses),
            "base": [percent(self._base[p] for p in column) for column in places],
            "in context": [percent(self._in_context[p] for p in column) for column in places],
            "arms": {arm: self._matrix_of(walked, length) for arm, walked in self._seen.arms.items()},
        }

    def stream(self) -> dict[str, Any]:
        """By arm: each passage right after it was learned, and all so far at each look back."""
        (course,) = self._seen.courses
        return {
            "passages": len(course.passages),
            "base": percent(self._base[p.id] for p in course.passages),
            "in context": percent(self._in_context[p.id] for p in course.passages),
            "arms": {arm: self._stream_of(walked[0]) for arm, walked in self._seen.arms.items()},
        }

    def _matrix_of(self, walked: list[list[Step]], length: int) -> dict[str, Any]:
        graded = [[self._step(step) for step in steps] for steps in walked]
        cells = [
            [percent(steps[k][self._id(s, j)] for s, steps in enumerate(graded)) for j in range(k + 1)]
            for k in range(length)
        ]
        after = [
            self._after([g[k] for g in graded], [steps[k] for steps in walked], k) for k in range(length)
        ]
        return {
            "matrix": cells,
            "after": after,
            "gain_by_lag": [self._at_lag(graded, lag) for lag in range(length)],
            "learning": learning([step for steps in walked for step in steps]),
        }

    def _after(self, graded: list[dict[str, Grades]], steps: list[Step], k: int) -> dict[str, Any]:
        """The mean over everything seen after k + 1 edits, one unit a sequence."""
        before, after = self._pairs(graded)
        return {
            "edits": k + 1,
            "seen": rounded(after),
            "base": rounded(before),
            "gain": asdict(grade.gain(before, after)),
            "broken_own": self._broken(graded),
            "broken_others": self._broken_others(steps),
        }

    def _at_lag(self, graded: list[list[dict[str, Grades]]], lag: int) -> float | None:
        """Mean gain in points of the passages learned `lag` edits ago."""
        aged = [
            {p: steps[j + lag][p]}
            for s, steps in enumerate(graded)
            for j in range(len(steps) - lag)
            for p in [self._id(s, j)]
        ]
        before, after = self._pairs(aged)
        return round(100 * (mean(after) - mean(before)), 1) if after else None

    def _stream_of(self, steps: list[Step]) -> dict[str, Any]:
        (course,) = self._seen.courses
        at_once = {
            p.id: self._graded(p, step.answers[p.id]) for p, step in zip(course.passages, steps, strict=True)
        }
        looks = []
        for number in sorted(course.looks_back):
            graded = self._step(steps[number])
            looks.append(
                {
                    "edits": number + 1,
                    "immediate": percent(at_once[p] for p in graded),
                    "retained": percent(graded.values()),
                    "base": percent(self._base[p] for p in graded),
                    "gain": asdict(self._gain(graded)),
                    "broken_own": self._broken([graded]),
                    "broken_others": self._broken_others([steps[number]]),
                }
            )
        return {
            "immediate": percent(at_once.values()),
            "immediate_gain": asdict(self._gain(at_once)),
            "immediate_by_passage": [percent([g]) for g in at_once.values()],
            "looks": looks,
            "learning": learning(steps),
        }

    def _row(
        self, graded: dict[str, Grades], answers: dict[str, Answers], steps: list[Step]
    ) -> dict[str, Any]:
        flat = [g for grades in graded.values() for g in grades]
        said = [a for passage in graded for a in answers[passage] if a is not None]
        return {
            "right": sum(g is True for g in flat),
            "graded": sum(g is not None for g in flat),
            "ungraded": sum(g is None for g in flat),
            "percent": percent(graded.values()),
            "gain": asdict(self._gain(graded)),
            "abstained": sum(map(abstains, said)),
            "broken_own": self._broken([graded]),
            "broken_others": self._broken_others(steps),
        }

    def _gain(self, graded: dict[str, Grades]) -> grade.Interval:
        """Against the base on the same passages, by passage."""
        return grade.gain(*self._pairs([{p: grades} for p, grades in graded.items()]))

    def _pairs(self, units: Sequence[dict[str, Grades]]) -> tuple[list[float], list[float]]:
        """For each unit the base's mean share over its passages, and the mean share now.

        Only questions that were graded both times count; a unit without any is left out.
        """
        before, after = [], []
        for unit in units:
            shares = []
            for passage, grades in unit.items():
                pairs = zip(self._base[passage], grades, strict=True)
                both = [(a, b) for a, b in pairs if a is not None and b is not None]
                if both:
                    shares.append((grade.share([a for a, _ in both]), grade.share([b for _, b in both])))
            if shares:
                before.append(mean(a for a, _ in shares))
                after.append(mean(b for _, b in shares))
        return before, after

    def _broken(self, graded: Iterable[dict[str, Grades]]) -> dict[str, int]:
        """Questions of taught passages that were right at base, and those of them that are wrong now."""
        now = [
            b
            for some in graded
            for passage, grades in some.items()
            for a, b in zip(self._base[passage], grades, strict=True)
            if a is True and b is not None
        ]
        return {"right_before": len(now), "wrong_now": now.count(False)}

    def _broken_others(self, steps: Iterable[Step]) -> dict[str, int]:
        """The same for the probes: questions of passages that nobody taught."""
        now: list[bool] = []
        for step in steps:
            asked = [(probe.question, a) for probe, a in zip(self._seen.probes, step.probes, strict=True)]
            pairs = zip(self._probes_before, self._grader(asked), strict=True)
            now += [b for a, b in pairs if a is True and b is not None]
        return {"right_before": len(now), "wrong_now": now.count(False)}

    def _step(self, step: Step) -> dict[str, Grades]:
        return {p: self._graded(self._passages[p], answers) for p, answers in step.answers.items()}

    def _graded(self, passage: Passage, answers: Answers) -> Grades:
        return self._grader(list(zip(passage.questions, answers, strict=True)))

    def _id(self, sequence: int, place: int) -> str:
        return self._seen.courses[sequence].passages[place].id


def percent(graded: Iterable[Grades]) -> float | None:
    """Mean over passages of the share answered rightly, in percent; None where nothing was graded."""
    kept = ([g for g in grades if g is not None] for grades in graded)
    return rounded([grade.share(grades) for grades in kept if grades])


def rounded(shares: Sequence[float]) -> float | None:
    """A mean of shares in percent, None of none."""
    return round(100 * mean(shares), 1) if shares else None


def learning(steps: Sequence[Step]) -> dict[str, Any]:
    """What became of the passages on their way into the weights, and how long it took."""
    learned = [step.learned for step in steps]
    edits: dict[str, int] = {}
    updates: dict[str, int] = {}
    for one in learned:
        for state, count in one["edits"].items():
            edits[state] = edits.get(state, 0) + count
        for update in one["updates"]:
            state = update.partition(":")[0]
            updates[state] = updates.get(state, 0) + 1
    return {
        "sentences": sum(one["sentences"] for one in learned),
        "self_edits": edits,
        "updates": updates,
        "seconds_per_passage": {
            "writing": round(mean(one["writing_seconds"] for one in learned), 1),
            "training": round(mean(one["training_seconds"] for one in learned), 1),
            "all": round(mean(step.seconds for step in steps), 1),
        },
    }
