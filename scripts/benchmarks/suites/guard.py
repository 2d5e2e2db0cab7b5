"""The guardian as a suite needs it: only the checks that the suite is about, under one column's policy."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from guardian import Candidate, Decision, Guardian, Policy, Source, Verdict
from guardian.checks.registry import BUILDERS
from guardian.types import Status
from scripts.benchmarks.suites.files import NotMeasured

JUDGE = "judge"
"""The check of remote judges. It speaks about other checks' subjects and so stays on."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What came of one example."""

    verdict: Verdict
    ms: float

    @property
    def objected(self) -> bool:
        """Whether it is kept from training: blocked, or held for a person."""
        return self.verdict.decision >= Decision.QUARANTINE

    @property
    def score(self) -> float:
        """The highest score of any finding."""
        return max((f.score for f in self.verdict.findings), default=0.0)

    def scored(self, beneath: float) -> float:
        """The score for an AUC: the judge's where one was asked (0 where it lifted), else the one beneath."""
        asked = [f.score for f in self.verdict.findings if f.check == JUDGE]
        if asked:
            return max(asked)
        return 0.0 if any(f.lifted_by for f in self.verdict.findings) else beneath


class Guard:
    """A guardian with some of its checks. Raises NotMeasured when it has none of them."""

    def __init__(self, policy: Policy, *checks: str, judged: bool = True) -> None:
        kept = {name for name in checks if name in BUILDERS}
        if not kept:
            raise NotMeasured(f"this guardian has no check called {' or '.join(checks)}")
        kept |= {JUDGE} if judged else set()
        self._guardian = Guardian(replace(policy, disabled_checks=frozenset(BUILDERS.keys() - kept)))

    def __call__(self, candidate: Candidate, source: Source) -> Ruling:
        """Judge one. Raises NotMeasured when a check cannot run: an error is no measurement."""
        started = time.perf_counter()
        verdict = self._guardian.judge(candidate, source)
        ms = 1000 * (time.perf_counter() - started)
        broken = next((f for f in verdict.findings if f.status is Status.ERROR), None)
        if broken is not None:
            raise NotMeasured(broken.evidence)
        return Ruling(verdict, ms)


def lenient(policy: Policy) -> Policy:
    """The same with thresholds so low that every score becomes a finding: for AUC, never for decisions."""
    return replace(policy, judges=(), toxicity_quarantine=1e-9, toxicity_block=1.0)
