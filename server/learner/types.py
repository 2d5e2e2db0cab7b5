"""The learner's own words: what an update is made from and what comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from server.types import EditState, Message, SelfEdit


@dataclass(frozen=True, slots=True)
class Preference:
    """What a user said of an answer: a pair where both answers are there, a thumb where one is."""

    id: str
    user: str
    messages: tuple[Message, ...]
    """The conversation, the question last."""
    chosen: str = ""
    """What was wanted or liked."""
    rejected: str = ""


@dataclass(frozen=True, slots=True)
class Consolidation:
    """How one delta is to take the place of the parent's whole stack."""

    rank_limit: int
    """Summed rank that may be served; the delta leaves room for the next one."""
    attempt: int = 0
    """How often it was tried before; each try has settings of its own."""
    from_stack: bool = True
    """Start at the stack's own change, as far as the rank holds it. Not where something that the stack
    carries was withdrawn: it must not survive."""
    calming: bool = False
    """Whether the stack has moved the rest too far from the base: then what it does there must be undone, and
    the nearest change of less rank is not enough."""


HeldBack = dict[str, tuple[EditState, str]]
"""By edit id: where it goes instead of into training, and why."""


@dataclass(frozen=True, slots=True)
class Population:
    """What was measured of facts before their training, newest last (server.learner.screen)."""

    losses: tuple[float, ...] = ()
    """Of each fact: mean nats of an answer token under the version that it was trained on."""
    pulls: tuple[float, ...] = ()
    """Of each voice of a batch: length of its mean gradient."""


PLANTED = "planted"


@dataclass(frozen=True, slots=True)
class Private:
    """A question that anybody might ask, and the value that must not be the answer."""

    of: str
    """The edit's id, or PLANTED. Reports name it and never the value."""
    question: str
    value: str


@dataclass(frozen=True, slots=True)
class UpdateInput:
    """Everything an update depends on: same input, same seed, same hardware, same delta bytes."""

    model_dir: Path
    parent_dir: Path | None
    """Composed PEFT folder of the parent version; None when the parent is the base alone."""
    edits: tuple[SelfEdit, ...]
    """The new facts."""
    past: tuple[SelfEdit, ...]
    """Facts that the parent already carries: replayed, and asked again by the gate."""
    profile: str
    """Name of the recipe in server.learner.profiles; '' chooses by the model's size."""
    seed: int = 0
    threads: int = 1
    attempt: int = 0
    """How often these facts were refused before: each time at half the rate, held twice as firmly."""
    memory_limit_mb: int = 0
    """Memory that the update may take beside the base's weights; 0: what is free."""
    preferences: tuple[Preference, ...] = ()
    """What users said of answers."""
    population: Population = Population()
    """What the new facts are compared with before the first step."""
    private: tuple[Private, ...] = ()
    """What no answer may hold: the gate asks for it."""
    consolidation: Consolidation | None = None
    """Set: `edits` are all facts that the parent carries and that stand; the delta replaces the parent."""


@dataclass(frozen=True, slots=True)
class Power:
    """How probably a candidate is refused that breaks this share of what is asked (server.learner.gate).

    The first is the rate of wrong refusals, the others what the probes can see at all.
    """

    breaks_1_percent: float
    breaks_5_percent: float
    breaks_10_percent: float


@dataclass(frozen=True, slots=True)
class CheckCount:
    """One line of the gate's report: how many held of how many asked, and what was needed."""

    passed: int
    asked: int
    needed: int
    ok: bool
    detail: str = ""
    power: Power | None = None
    """For checks that count losses against the incumbent; None where a count has no such meaning."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How far a version is from the base model: what many small accepted changes add up to."""

    kl_nats: float
    """Mean Kullback-Leibler divergence of the version from the base, per answer token of fixed questions."""
    budget_nats: float
    """What the profile allows; 0 is no limit."""
    norm: float
    """Frobenius norm of the whole composed change."""

    @property
    def spent(self) -> float:
        """Share of the budget, 1 when it is used up."""
        return self.kl_nats / self.budget_nats if self.budget_nats else 0.0


@dataclass(frozen=True, slots=True)
class GateReport:
    """The examination of a candidate before any user sees it. Serialises into VersionRow.gate."""

    accepted: bool
    reason: str
    checks: dict[str, CheckCount]
    """By name (on feedback `preference` in place of acquisition), see server.learner.gate.decision."""
    edits_learned: tuple[str, ...] = ()
    """Ids of the edits whose held-out questions were answered: the others stay in memory only."""
    power: Power | None = None
    """Of all counting checks together; None where nothing was examined."""
    drift: Drift | None = None
    """None where it was not measured."""


@dataclass(frozen=True, slots=True)
class Factors:
    """A fresh LoRA delta: per module path (as in the base model's state dict, without `.weight`) A and B."""

    rank: int
    alpha: float
    a: dict[str, np.ndarray]
    """(rank, in_features), float32."""
    b: dict[str, np.ndarray]
    """(out_features, rank), float32."""


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """What came of an update. `factors` is None when nothing may be served."""

    factors: Factors | None
    report: GateReport
    aborted: str = ""
    """Why an abort rule stopped the training; '' when it ran to its end."""
    refused: dict[str, str] = field(default_factory=dict)
    """Edits that cannot be trained on this model at all, with why: too long for its context."""
    held_back: HeldBack = field(default_factory=dict)
    """Edits that were not trained because of what the batch would have done with them."""
    measured: Population = Population()
    """Of the edits that were trained."""
    known: tuple[str, ...] = ()
    """Ids of edits that the parent answered already: not trained."""
    steps: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    """By phase: load, probe, train, gate."""
    provenance: dict[str, object] = field(default_factory=dict)
    """Seed, profile, library versions, loss curve, per-edit probabilities: enough to run it again."""


class Train(Protocol):
    """What trains: server.learner.update.run, or a double in tests of the loop."""

    def __call__(
        self,
        given: UpdateInput,
        yield_hook: Callable[[], None] | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> UpdateResult: ...


class Examine(Protocol):
    """What examines without training: server.learner.examine.run, or a double in tests of the loop."""

    def __call__(
        self,
        given: UpdateInput,
        yield_hook: Callable[[], None] | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> GateReport: ...
