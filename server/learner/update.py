"""One update: from allowed edits to a delta with its report, or to the reason why there is none."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch

from server.engine.mapped import load_mapped
from server.learner import budget, general, primer
from server.learner.adapters import Adapters
from server.learner.anchored import anchored
from server.learner.asker import Asker
from server.learner.batch import TOLD, Batches, Draws, Kind
from server.learner.chat import Encoded, Encoder
from server.learner.development import Development
from server.learner.errors import EmptyUpdate, ExampleTooLong
from server.learner.estimate import Estimate, Free, Shape, Work, fit
from server.learner.gate import Gate, requests
from server.learner.gate.checks import declines
from server.learner.generate import Answer
from server.learner.memory import PeakWatch, release
from server.learner.objectives.anchors import Anchors
from server.learner.objectives.answers import Answers
from server.learner.objectives.distil import Distilled, teach
from server.learner.objectives.mixture import Mixture
from server.learner.objectives.types import Objective
from server.learner.pool import Pool
from server.learner.prefer import PreferenceBatches, Preferences, examined, log_probs, shots_of
from server.learner.profiles import Profile, calmer, choose, for_preferences, slimmer
from server.learner.reports import waved_through, with_checks
from server.learner.screen import Screen, Screened
from server.learner.sealed import told, trained_questions
from server.learner.sizes import PART_TOKENS
from server.learner.split import SplitModel
from server.learner.train import Trained, Trainer
from server.learner.types import Factors, GateReport, UpdateInput, UpdateResult
from server.types import SelfEdit

VARIED_TOKENS = 48
"""How much longer an example may become by another name, another surface, a few words before it."""

Yield = Callable[[], None]
Progress = Callable[[str, float], None]


def run(
    given: UpdateInput,
    yield_hook: Yield | None = None,
    progress: Progress | None = None,
    cache_dir: Path | None = None,
) -> UpdateResult:
    """Train a fresh delta on the frozen parent and examine it.

    `yield_hook` is called between micro-steps and may block while requests wait; `progress(phase, fraction)`
    tells of probe, train and gate. `cache_dir` keeps the base's answers to general questions between updates.
    The same input gives the same delta bytes on the same hardware and threads. Raises LearnerError for input
    that cannot be trained; a training that goes wrong or a refused candidate is a result, not an error.
    """
    start(given)
    job = Job(given, yield_hook or (lambda: None), progress or (lambda phase, fraction: None), cache_dir)
    try:
        return job.run()
    finally:
        release()


def prepare(model_dir: Path, threads: int, cache_dir: Path, yield_hook: Yield) -> None:
    """Have the base answer the general questions before the first fact comes, which takes half a minute."""
    torch.set_num_threads(threads)
    model, tokenizer = load_mapped(model_dir, device())
    encoder = Encoder(tokenizer, int(model.config.max_position_embeddings))
    general.base_answers(model, encoder, cache_dir, yield_hook, device())
    del model
    release()


def start(given: UpdateInput) -> None:
    """Look at the input and fix what chance there is. Raises EmptyUpdate."""
    if not given.edits and not given.preferences:
        raise EmptyUpdate("the update has no edits: there is nothing to learn")
    for edit in given.edits:
        if not trained_questions(edit):
            raise EmptyUpdate(f"edit {edit.id} has no question to train on")
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)


@dataclass(slots=True)
class Loaded:
    """The model as this update sees it."""

    model: Any
    encoder: Encoder
    profile: Profile
    adapters: Adapters
    estimate: Estimate
    free: Free


class Job:
    """The phases of one update, timed."""

    facts_enough = 1.0
    """Share of the new facts that must be answered in development wordings before training may end."""

    def __init__(self, given: UpdateInput, hook: Yield, progress: Progress, cache_dir: Path | None) -> None:
        self.given = given
        self.hook = hook
        self.progress = progress
        self.cache_dir = cache_dir
        self.seconds: dict[str, float] = {}
        self.primed = False
        self.next_rank = 0
        """Rank that an update after this one may need."""
        self.asker: Asker
        self.refused: dict[str, str] = {}
        self.screened = Screened()
        self.preferences: Preferences | None = None

    def run(self) -> UpdateResult:
        with self._phase("load"):
            model, tokenizer = load_mapped(self.given.model_dir)
            encoder = Encoder(tokenizer, int(model.config.max_position_embeddings))
            samples = self._encoded(encoder)
        if not samples:
            return self._nothing(GateReport(False, "no fact fits the model's context", {}))
        release()
        self.watch = PeakWatch(device())
        try:
            return self._learn(self._load(model, encoder, samples))
        finally:
            self.watch.close()

    def _learn(self, loaded: Loaded) -> UpdateResult:
        given = self.given
        with self._phase("probe"):
            said, gate = self._probe(loaded)
        new = [edit for edit in given.edits if edit.id not in gate.known]
        if not new and not given.preferences:
            report = GateReport(False, "the parent knows every fact already", {})
            return dataclasses.replace(self._nothing(report), known=gate.known)
        with self._phase("screen"):
            new = self._screened(loaded, new)
        if not new and not given.preferences:
            report = GateReport(False, "every new fact was held back before training", {})
            return dataclasses.replace(self._nothing(report), known=gate.known)
        with self._phase("train"):
            trained = self._train(loaded, new, said)
        if trained.aborted:
            report = GateReport(False, f"training was aborted: {trained.aborted}", {})
            return self._result(loaded, None, report, trained, gate.known)
        factors = loaded.adapters.factors(loaded.profile)
        with self._phase("gate"):
            self.progress("gate", 0.0)
            report = gate.report(new, self.asker.voice, norm(factors))
            if self.preferences is not None:
                report = examined(report, self.preferences.stronger(), len(self.preferences))
            report = self._within_budget(loaded, said, report)
        if not loaded.profile.gate:
            report = waved_through(report, new)
        return self._result(loaded, factors if report.accepted else None, report, trained, gate.known)

    def _nothing(self, report: GateReport) -> UpdateResult:
        """The result of an update that trains nothing."""
        held = self.screened.held
        return UpdateResult(None, report, refused=self.refused, held_back=held, seconds=self.seconds)

    def _load(self, model: Any, encoder: Encoder, samples: dict[str, list[Encoded]]) -> Loaded:
        """The model with its adapters, once it is known that the update fits. Raises DoesNotFit.

        Until then the weights are mapped and take no memory, wherever they go afterwards.
        """
        parameters = sum(p.numel() for p in model.parameters())
        chosen = choose(self.given.profile, parameters)
        profile, self.next_rank = self._recipe(chosen), chosen.rank
        free = Free.of(device(), self.given.memory_limit_mb)
        users = len({edit.user for edit in self.given.edits})
        every = list(chain.from_iterable(samples.values()))
        facts, past = len(self.given.edits) or profile.preferences, len(self.given.past)
        work = Work.of(profile, facts, past, users, len(encoder.prefix), every)
        trained = max(1, round(profile.layers * len(model.model.layers)))
        planned = fit(Shape.of(model, trained), profile, work, free, PART_TOKENS, device() == "cuda")
        model.to(device())
        adapters = self._adapters(model, profile, encoder, samples)
        return Loaded(model, encoder, profile, adapters, planned, free)

    def _recipe(self, profile: Profile) -> Profile:
        """The profile as it is for this update."""
        profile = calmer(profile, self.given.attempt)
        if self.given.parent_dir is not None:  # what begins on the base begins from its primer, of full rank
            profile = slimmer(profile, len(self.given.edits))
        return profile if self.given.edits else for_preferences(profile)

    def _adapters(
        self, model: Any, profile: Profile, encoder: Encoder, samples: dict[str, list[Encoded]]
    ) -> Adapters:
        """The fresh delta beside its parent: from zero, or on the base alone from the primer."""
        found = primer.load(model) if self.given.parent_dir is None else None
        adapters = Adapters(model, self.given.parent_dir, profile)
        self.primed = found is not None and adapters.start_from(found)
        return adapters

    def _encoded(self, encoder: Encoder) -> dict[str, list[Encoded]]:
        """What will be trained and asked of each edit; those that do not fit the context are refused."""
        found: dict[str, list[Encoded]] = {}
        for edit in self.given.edits:
            try:
                found[edit.id] = [
                    encoder.example(e.prompt, e.completion, VARIED_TOKENS)
                    for e in edit.examples
                    if e.kind == "question"
                ]
            except ExampleTooLong as error:
                self.refused[edit.id] = str(error)
        for said in self.given.preferences:
            try:
                found[said.id] = [shot.encoded for shot in shots_of(said, encoder)]
            except ExampleTooLong as error:
                self.refused[said.id] = str(error)
        if self.refused:
            edits = tuple(edit for edit in self.given.edits if edit.id in found)
            preferences = tuple(said for said in self.given.preferences if said.id in found)
            self.given = dataclasses.replace(self.given, edits=edits, preferences=preferences)
        return found

    def _probe(self, loaded: Loaded) -> tuple[dict[str, Answer], Gate]:
        """The base's answers to the bank, and the gate with the parent's answers to its probes."""
        self.progress("probe", 0.0)
        with loaded.adapters.base_alone():
            said = general.base_answers(loaded.model, loaded.encoder, self.cache_dir, self.hook, device())
        _, asked = general.halves(said, self.given.seed, loaded.profile.locality_probes)
        given = self.given
        expected = told([*given.edits, *given.past])
        self.asker = Asker(
            loaded.model, loaded.encoder, said, self.hook, device(), loaded.estimate.rows, expected
        )
        self.progress("probe", 0.5)
        with loaded.adapters.parent_alone():
            voice, profile = self.asker.voice, loaded.profile
            gate = Gate(given.edits, given.past, asked, profile, given.seed, voice, given.private)
        return said, gate

    def _screened(self, loaded: Loaded, new: list[SelfEdit]) -> list[SelfEdit]:
        """The new facts that may be trained together, by what they would do to the weights."""
        if not new:
            return new
        adapters, head = loaded.adapters, loaded.model.get_output_embeddings().weight
        split = SplitModel(
            loaded.model.model,
            adapters.first_layer,
            loaded.encoder.prefix,
            device(),
            loaded.estimate.checkpointing,
        )
        screen = Screen(split, head, loaded.encoder, adapters.parameters, self.hook)
        self.screened = screen.look(new, self.given.population)
        return [edit for edit in new if edit.id not in self.screened.held]

    def _train(self, loaded: Loaded, new: list[SelfEdit], said: dict[str, Answer]) -> Trained:
        profile, seed = loaded.profile, self.given.seed
        own = primer.own_questions(loaded.model)
        anchors = anchored(loaded.encoder, profile, new, said, own, seed, self._declined(loaded))
        adapters = loaded.adapters
        split = SplitModel(
            loaded.model.model,
            adapters.first_layer,
            loaded.encoder.prefix,
            device(),
            loaded.estimate.checkpointing,
        )
        head = loaded.model.get_output_embeddings().weight
        white = adapters.whitening(profile.whitening, not self.primed) if profile.whitening else None
        weights = (profile.kl_weight, profile.firmness)
        fixed = Anchors(adapters, split, head, anchors, profile.distil_top_k, self.hook, white, *weights)
        if adapters.parent_below:  # what was remembered under the base alone is not what the parent computes
            split.forget()
        made = (loaded.encoder, profile, new, self.given.past, anchors, seed, own.private)
        batches = Pool(*made) if profile.pool_facts else Batches(*made, fixed.moved())
        told = dict.fromkeys(TOLD, Answers(profile.worst_first))
        if profile.distil:
            taught = teach(adapters, split, head, loaded.encoder, new, profile.distil_top_k, self.hook)
            told["fact"] = Distilled(profile.distil, taught, profile.worst_first)
        objectives: dict[Kind, Objective] = {**told, "anchor": fixed}
        drawn: Draws = batches
        if self.given.preferences:
            with adapters.parent_alone():
                log_prob = partial(log_probs, split, head)
                self.preferences = Preferences(self.given.preferences, loaded.encoder, log_prob)
            objectives["preference"] = self.preferences.objective(profile.preference_beta)
            drawn = PreferenceBatches(batches, self.preferences, profile, seed)
        mixture = Mixture(objectives)
        part_tokens = loaded.estimate.part_tokens
        trainer = Trainer(adapters, split, head, drawn, mixture, profile, self.hook, white, part_tokens)
        release()
        development = Development(split, head, loaded.encoder, new, self.given.past, profile, seed)
        return trainer.run(
            lambda: development.passed(self.facts_enough),
            lambda fraction: self.progress("train", fraction),
        )

    def _declined(self, loaded: Loaded) -> dict[str, Answer]:
        """What the base says to harmful requests that the gate will not ask, where it declines them."""
        profile = loaded.profile
        if not profile.requests:
            return {}
        with loaded.adapters.base_alone():
            said = general.base_answers(
                loaded.model, loaded.encoder, self.cache_dir, self.hook, device(), requests.HARMFUL
            )
        _, left = requests.parted(self.given.seed, profile.safety_probes)
        return {request: said[request] for request in left if declines(said[request].text)}

    def _within_budget(self, loaded: Loaded, said: dict[str, Answer], report: GateReport) -> GateReport:
        """The report with the candidate's drift from the base; past the budget it is refused."""
        nats = loaded.profile.kl_total_nats
        found = budget.measure(loaded.adapters, loaded.encoder, said, nats, self.hook, device())
        return with_checks(dataclasses.replace(report, drift=found), {"drift": budget.check(found)})

    def _result(
        self,
        loaded: Loaded,
        factors: Factors | None,
        report: GateReport,
        trained: Trained,
        known: tuple[str, ...],
    ) -> UpdateResult:
        return UpdateResult(
            factors=factors,
            report=report,
            refused=self.refused,
            held_back=self.screened.held,
            measured=self.screened.measured,
            aborted=trained.aborted,
            known=known,
            steps=trained.steps,
            seconds=self.seconds,
            provenance={
                "seed": self.given.seed,
                "profile": dataclasses.asdict(loaded.profile),
                "threads": self.given.threads,
                "device": device(),
                "first_trained_layer": loaded.adapters.first_layer,
                "libraries": {name: version(name) for name in ("torch", "transformers", "peft")},
                "memory": loaded.estimate.report()
                | {"free_mb": loaded.free.size >> 20, "peak_mb": self.watch.peak() >> 20},
                "primed": self.primed,
                "next_rank": self.next_rank,
                "screen": self.screened.report,
                "drift": None if report.drift is None else dataclasses.asdict(report.drift),
                "stopped": trained.stopped,
                "curve": trained.curve,
                "probabilities": trained.probabilities,
                "gate_generated": self.asker.generated,
                "gate_confirmed": self.asker.confirmed,
                "factors_sha256": _digest(loaded.adapters.factors(loaded.profile)),
            },
        )

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 3)


def device() -> str:
    """Where to train: the first GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _digest(factors: Factors) -> str:
    """What two runs of the same update must share."""
    digest = hashlib.sha256()
    for side in (factors.a, factors.b):
        for path in sorted(side):
            digest.update(path.encode())
            digest.update(side[path].tobytes())
    return digest.hexdigest()


def norm(factors: Factors) -> float:
    """Frobenius norm of the whole change."""
    scale = factors.alpha / factors.rank
    squares = (float(np.square(scale * (factors.b[m] @ factors.a[m])).sum()) for m in factors.a)
    return math.sqrt(sum(squares))
