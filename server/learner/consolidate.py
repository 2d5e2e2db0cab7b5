"""Sleep: one delta of less rank, which says what a stack of deltas says, replaces it.

Each update adds its rank to what is served and a little to what is no longer as it was; neither may grow for
ever. The sum of a stack needs less rank than its parts have together, so first its nearest change of less
rank is tried as it is. Where that says too little, or the rest has to be brought back nearer to the base, the
facts are trained again from there: together, in rotation, on the base. What the stack says to the same
questions is the measure, and the stack stays where the new delta says less.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from server.learner import general, primer, truncate
from server.learner.adapters import PARENT, Adapters
from server.learner.asker import Asker
from server.learner.chat import Encoded, Encoder
from server.learner.gate import Gate
from server.learner.gate.probes import own_wordings
from server.learner.generate import Answer
from server.learner.memory import release
from server.learner.neighbours import other_attribute, other_subject, words_taught
from server.learner.profiles import Profile, calmer
from server.learner.reports import waved_through, with_checks
from server.learner.sealed import told, trained_questions
from server.learner.split import SplitModel
from server.learner.train import Trained
from server.learner.types import CheckCount, Consolidation, GateReport, UpdateInput, UpdateResult
from server.learner.update import Job, Loaded, device, norm, start
from server.types import SelfEdit

TRUNCATIONS = 2
"""Tries without training."""
EXAMPLES_OF_A_FACT = 4
"""By which a truncation sees what a fact needs."""
FACTS_PER_STEP = 6
LEAST_PER_ROUND, MOST_PER_ROUND = 16, 20
"""Steps; in a round every fact is trained once. Training that ended as soon as the facts were recalled had
lost wordings that nobody asked for."""
STEPS_AT_MOST = 480
RECALL_PROBES = 96
NEIGHBOUR_PROBES = 32
SLIP = 0.03
"""Share of the probes by which the delta may fall short of the stack: their number says no more."""


def run(
    given: UpdateInput,
    yield_hook: Callable[[], None] | None = None,
    progress: Callable[[str, float], None] | None = None,
    cache_dir: Path | None = None,
) -> UpdateResult:
    """Train the delta that `given.consolidation` asks for and examine it against the stack, its parent.

    Arguments, determinism and errors as in server.learner.update.run.
    """
    start(given)
    job = _Sleep(given, yield_hook or (lambda: None), progress or (lambda phase, fraction: None), cache_dir)
    try:
        return job.run()
    finally:
        release()


def stretched(profile: Profile, plan: Consolidation, facts: int) -> Profile:
    """The recipe for so many facts at once: more rank, and steps for a number of rounds over them all.

    The rank is one for each fact, up to half of what may be served. A stack that is only in the way of the
    next fact is truncated to it, without a step, then to three quarters of what may be served, and trained
    at the third try.

    Training that begins as the nearest thing to the stack has little left to learn, so it begins twice as
    calm as a fact that was refused once. What begins elsewhere has all to learn: its second try is calmer,
    for what was refused changed too much more often than it learned too little. Only a third try is larger:
    the rank that it takes is missing for the facts that come after it.
    """
    tried = plan.attempt
    wanted = max(2 * profile.rank, min(facts, plan.rank_limit // 2))
    if plan.from_stack and not plan.calming:
        if tried < TRUNCATIONS:
            rank = wanted if tried == 0 else max(wanted, plan.rank_limit * 3 // 4)
            rank = max(1, min(rank, plan.rank_limit - profile.rank))
            return _of_rank(profile, rank, min_steps=0, max_steps=0)
        tried -= TRUNCATIONS
    more = 2 ** max(0, tried - 1)
    profile = calmer(profile, 2 if plan.from_stack else min(1, tried))
    rank = max(1, min(wanted * more, plan.rank_limit - profile.rank))
    rounds = math.ceil(facts / FACTS_PER_STEP)
    least = max(2 * profile.min_steps, LEAST_PER_ROUND * rounds)
    steps = min(STEPS_AT_MOST, max(profile.max_steps, MOST_PER_ROUND * rounds)) * more
    return _of_rank(profile, rank, min_steps=min(steps, least), max_steps=steps)


def _of_rank(profile: Profile, rank: int, min_steps: int, max_steps: int) -> Profile:
    return dataclasses.replace(
        profile,
        rank=rank,
        alpha=profile.alpha * rank // profile.rank,
        facts_per_step=FACTS_PER_STEP,
        min_steps=min_steps,
        max_steps=max_steps,
        steps_per_fact=0,
        least_per_fact=0,
        averaged_per_fact=0,
        past_probes=0,  # the exam asks more of them, and counts what came back against what was lost
    )


class _Sleep(Job):
    """The phases of a consolidation."""

    facts_enough = 0.9
    """One fact that is never learned must not keep the others in training."""

    def _learn(self, loaded: Loaded) -> UpdateResult:
        edits = list(self.given.edits)
        with self._phase("probe"):
            said, gate, exam = self._examined(loaded)
        with self._phase("train"):
            steps = loaded.profile.max_steps
            trained = self._train(loaded, edits, said) if steps else Trained(stopped="truncated")
        if trained.aborted:
            report = GateReport(False, f"training was aborted: {trained.aborted}", {})
            return self._named(self._result(loaded, None, report, trained, ()))
        factors = loaded.adapters.factors(loaded.profile)
        with self._phase("gate"):
            self.progress("gate", 0.0)
            report = gate.report([], self.asker.voice, norm(factors))
            report = with_checks(report, exam.checks(self.asker.ask))
            report = self._within_budget(loaded, said, report)
        if not loaded.profile.gate:
            report = waved_through(report, edits)
        return self._named(self._result(loaded, factors if report.accepted else None, report, trained, ()))

    def _named(self, result: UpdateResult) -> UpdateResult:
        """The result with what sets a consolidation apart."""
        plan = dataclasses.asdict(self.given.consolidation) if self.given.consolidation else {}
        return dataclasses.replace(
            result,
            provenance={**result.provenance, "consolidation": plan},
        )

    def _recipe(self, profile: Profile) -> Profile:
        plan = self.given.consolidation
        assert plan is not None, "a consolidation says how"
        return stretched(profile, plan, len(self.given.edits))

    def _adapters(
        self, model: Any, profile: Profile, encoder: Encoder, samples: dict[str, list[Encoded]]
    ) -> Adapters:
        """The fresh delta, and the stack only to be asked."""
        adapters = Adapters(model, self.given.parent_dir, profile, replaces=True)
        if self.given.consolidation is None or self.given.consolidation.from_stack:
            split = SplitModel(model.model, 0, encoder.prefix, device())
            asked = [one for own in samples.values() for one in own[:EXAMPLES_OF_A_FACT]]
            begin = truncate.stack(adapters, PARENT, profile, split, asked)
        else:
            begin = primer.load(model) or {}
        self.primed = bool(begin) and adapters.start_from(begin)
        return adapters

    def _examined(self, loaded: Loaded) -> tuple[dict[str, Answer], Gate, _Exam]:
        """The base's answers to the bank, and the stack's to every probe."""
        self.progress("probe", 0.0)
        edits, seed, profile = self.given.edits, self.given.seed, loaded.profile
        with loaded.adapters.base_alone():
            said = general.base_answers(loaded.model, loaded.encoder, self.cache_dir, self.hook, device())
        _, asked = general.halves(said, seed, profile.locality_probes)
        self.asker = Asker(loaded.model, loaded.encoder, said, self.hook, device(), expected=told(edits))
        with loaded.adapters.parent_alone():
            gate = Gate((), edits, asked, profile, seed, self.asker.voice, self.given.private)
            exam = _Exam(edits, seed, self.asker.ask)
        return said, gate, exam


class _Exam:
    """What the stack is asked of all the facts it carries, and the delta after it. The stack's count is the
    measure: a fact that one lost and another that came back weigh the same."""

    def __init__(
        self, edits: Sequence[SelfEdit], seed: int, ask: Callable[[Sequence[str]], list[Answer]]
    ) -> None:
        rng = random.Random(f"sleep {seed}")
        drawn = rng.sample(list(edits), min(RECALL_PROBES, len(edits)))
        taught = words_taught(edits)
        self._values = [edit.value.lower() for edit in edits]
        self._recall = [(rng.choice(own_wordings(e)).prompt, e.value) for e in drawn]
        near = [
            question
            for edit in drawn[:NEIGHBOUR_PROBES]
            for question in (
                other_subject(rng.choice(trained_questions(edit)).prompt, edit, taught, rng),
                other_attribute(edit, rng),
            )
            if question is not None
        ]
        self._near = rng.sample(near, min(NEIGHBOUR_PROBES, len(near)))
        self._stack = self._counted(ask)

    def checks(self, ask: Callable[[Sequence[str]], list[Answer]]) -> dict[str, CheckCount]:
        """The delta's counts, those of the stack being needed but for a slip."""
        found = self._counted(ask)
        asked = (len(self._recall), len(self._near))
        names = ("recall of all facts", "neighbours of all facts")
        return {
            name: _no_worse(now, before, n)
            for name, now, before, n in zip(names, found, self._stack, asked, strict=True)
        }

    def _counted(self, ask: Callable[[Sequence[str]], list[Answer]]) -> tuple[int, int]:
        """(facts answered, neighbour questions without a taught value)."""
        said = ask([question for question, _ in self._recall] + self._near)
        recalled = sum(
            value.lower() in answer.text.lower()
            for (_, value), answer in zip(self._recall, said, strict=False)
        )
        kept = sum(
            not any(v in answer.text.lower() and v not in question.lower() for v in self._values)
            for question, answer in zip(self._near, said[len(self._recall) :], strict=True)
        )
        return recalled, kept


def _no_worse(now: int, before: int, asked: int) -> CheckCount:
    needed = max(0, before - max(1, int(SLIP * asked)))
    return CheckCount(now, asked, needed, now >= needed, f"the stack: {before} of {asked}")
