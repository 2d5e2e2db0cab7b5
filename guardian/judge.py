"""The judge: runs the checks cheap first and adds their findings up to one verdict.

Not covered: what a check does not cover (each says so in its docstring), statistics over a batch, and the
truth of a fact: the guardian knows what was said, not what is so.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from guardian.checks import registry
from guardian.errors import BadPolicy, BrokenCheck, CheckUnavailable
from guardian.judges.adapters import problem
from guardian.lifting import liftable
from guardian.types import (
    Candidate,
    Check,
    Decision,
    Finding,
    Policy,
    Repairs,
    Scope,
    Settles,
    Source,
    Status,
    Verdict,
)

VERSION = "0.1.0"
_MAX_REPAIRS = 3


class Guardian:
    """Judges examples under one policy. Safe to call from several threads.

    Raises BadPolicy for a policy that makes no sense. A check that cannot start raises nothing here: it is an
    error finding in every verdict and an alarm in `health()`. `builders` are the checks in their order,
    `before_check` is called before each: it may wait.
    """

    def __init__(
        self,
        policy: Policy,
        builders: Mapping[str, registry.Builder] = registry.BUILDERS,
        before_check: Callable[[], None] = lambda: None,
    ) -> None:
        validate(policy, builders)
        self.policy = policy
        self._before_check = before_check
        self._policy_version = policy.version
        self._alarms: dict[str, tuple[str, int]] = {}
        self._lock = threading.Lock()
        self._checks: list[Check] = []
        for name, build in builders.items():
            if name in policy.disabled_checks:
                continue
            try:
                check = build(policy)
                if check is not None:
                    self._checks.append(check)
            except Exception as error:  # whatever keeps a check from starting must not stop the server
                self._alarm(name, f"cannot start: {error}")
                self._checks.append(_Unavailable(name, str(error)))
        self._checks.sort(key=lambda check: isinstance(check, Settles))  # these are asked last

    def judge(self, candidate: Candidate, source: Source) -> Verdict:
        """The verdict on one example. Never raises for what an example or a check does."""
        started = time.perf_counter()
        findings, timings, repair = self._round(candidate, source)
        decision = _worst(findings)
        fixed: Candidate | None = None
        for _ in range(_MAX_REPAIRS):
            if decision is not Decision.REDACT or repair is None:
                break
            fixed = repair
            again, more, repair = self._round(fixed, source)
            timings += more
            findings += [replace(f, evidence=f"After the repair: {f.evidence}") for f in again]
            decision = _worst(again)
        if decision is Decision.REDACT:
            findings.append(_unrepairable())
        decision = _worst(findings)
        scope = min((source.wanted_scope, *(f.max_scope for f in findings if not f.lifted_by)))
        return Verdict(
            decision,
            Scope.NONE if decision is Decision.BLOCK else scope,
            tuple(findings),
            fixed if decision is Decision.REDACT else None,
            self._policy_version,
            f"{VERSION}+{self._backends()}",
            _ms_since(started),
            tuple(timings),
        )

    def judge_all(self, examples: Sequence[tuple[Candidate, Source]]) -> list[Verdict]:
        """The verdicts on several examples, in order."""
        return [self.judge(candidate, source) for candidate, source in examples]

    def health(self) -> list[str]:
        """Alarms: checks that could not start, or erred since the process began. Empty means well."""
        with self._lock:
            return [f"{name}: {text} ({count}x)" for name, (text, count) in self._alarms.items()]

    def _round(
        self, candidate: Candidate, source: Source
    ) -> tuple[list[Finding], list[tuple[str, float]], Candidate | None]:
        """All checks once, up to the first BLOCK: findings, timings, and the repaired example if any."""
        findings: list[Finding] = []
        timings: list[tuple[str, float]] = []
        repaired = candidate
        for check in self._checks:
            self._before_check()
            started = time.perf_counter()
            try:
                if isinstance(check, Settles):
                    found = _settled(check, candidate, source, findings)
                else:
                    found = _checked(check, check(candidate, source))
                if any(f.action is Decision.REDACT for f in found):
                    assert isinstance(check, Repairs)
                    repaired = check.repair(repaired)
            except Exception as error:  # a check that crashes must not pass what it did not judge
                found = (self._crash(check, error),)
            else:
                for finding in found:
                    if finding.status is Status.ERROR:
                        self._alarm(f"{check.name} {finding.backend}", finding.evidence)
            ms = _ms_since(started)
            timings.append((check.name, ms))
            findings += [replace(finding, ms=ms) for finding in found]
            if _worst(list(found)) is Decision.BLOCK:
                break
        return findings, timings, repaired if repaired != candidate else None

    def _crash(self, check: Check, error: Exception) -> Finding:
        """The error finding. A crash's own message may hold the text judged, so it is not repeated."""
        if isinstance(check, _Unavailable):
            reason = f"cannot start: {check.reason}"
        elif isinstance(error, CheckUnavailable):  # its words are ours and name what is missing
            reason = f"cannot run: {error}"
        else:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"failed with {type(error).__name__} in {frame.name}, line {frame.lineno}"
        self._alarm(check.name, reason)
        return Finding(
            check.name,
            check.backend,
            Decision.QUARANTINE,
            Scope.NONE,
            Status.ERROR,
            label="check_error",
            evidence=f"The check '{check.name}' {reason}. Nothing is learned until it has judged.",
        )

    def _alarm(self, name: str, text: str) -> None:
        with self._lock:
            _, count = self._alarms.get(name, ("", 0))
            self._alarms[name] = (text, count + 1)

    def _backends(self) -> str:
        return "+".join(dict.fromkeys(c.backend for c in self._checks)) or "no-checks"


class _Unavailable:
    """Stands where a check could not start, so that every verdict says so."""

    backend = "unavailable"

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        raise BrokenCheck(self.reason)


def _checked(check: Check, found: tuple[Finding, ...]) -> tuple[Finding, ...]:
    if not isinstance(found, tuple) or not all(isinstance(f, Finding) for f in found):
        raise BrokenCheck(f"'{check.name}' answered a {type(found).__name__}, not a tuple of findings")
    if any(f.action is Decision.REDACT for f in found) and not isinstance(check, Repairs):
        raise BrokenCheck(f"'{check.name}' asks for a repair that it cannot make")
    return found


def _settled(
    check: Check, candidate: Candidate, source: Source, findings: list[Finding]
) -> tuple[Finding, ...]:
    """What a settling check finds; what it lifts is marked in `findings`, all of it or none."""
    assert isinstance(check, Settles)
    settled = check.settle(candidate, source, tuple(findings))
    found = _checked(check, settled.findings)
    if not all(liftable(findings[index]) for index in settled.lifted):
        raise BrokenCheck(f"'{check.name}' lifts a finding that nothing may lift")
    for index, who in settled.lifted.items():
        findings[index] = replace(findings[index], lifted_by=who)
    return found


def _worst(findings: list[Finding]) -> Decision:
    return max((f.action for f in findings if not f.lifted_by), default=Decision.ALLOW)


def _unrepairable() -> Finding:
    return Finding(
        "canonical",
        "embedded",
        Decision.QUARANTINE,
        Scope.NONE,
        label="unrepairable",
        evidence="The example still needed a repair after it was repaired.",
    )


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)


def validate(policy: Policy, builders: Mapping[str, registry.Builder] = registry.BUILDERS) -> None:
    """Raises BadPolicy, which names the setting, for a policy that cannot be applied."""
    unknown = policy.disabled_checks - builders.keys()
    if unknown:
        known = ", ".join(builders)
        raise BadPolicy(f"disabled_checks names {', '.join(sorted(unknown))}; the checks are {known}")
    if policy.global_from not in ("everyone", "operator", "quorum"):
        raise BadPolicy(f"global_from is '{policy.global_from}'; it must be everyone, operator or quorum")
    if policy.quorum < 1:
        raise BadPolicy(f"quorum is {policy.quorum}; it must be at least 1")
    caps = (policy.max_facts_per_user, policy.max_facts_per_subject, policy.max_facts_per_user_subject)
    if min(caps) < 1:
        raise BadPolicy(
            "max_facts_per_user, max_facts_per_subject and max_facts_per_user_subject must be at least 1; "
            "name caps in disabled_checks to set none"
        )
    seconds = (policy.near_copy_window_seconds, policy.caps_window_seconds, policy.established_after_seconds)
    if min(seconds) < 0 or policy.established_after_turns < 0:
        raise BadPolicy(
            "near_copy_window_seconds, caps_window_seconds, established_after_seconds and "
            "established_after_turns must not be negative"
        )
    if not 0 < policy.toxicity_quarantine <= policy.toxicity_block <= 1:
        raise BadPolicy(
            f"toxicity_quarantine {policy.toxicity_quarantine} and toxicity_block {policy.toxicity_block}: "
            "they must be above 0, at most 1, and the first not above the second"
        )
    if policy.max_chars < 1 or policy.max_source_chars < 1:
        raise BadPolicy("max_chars and max_source_chars must be at least 1")
    for why in filter(None, (problem(judge) for judge in policy.judges)):
        raise BadPolicy(why)
    if len({judge.name for judge in policy.judges}) < len(policy.judges):
        raise BadPolicy("two judges have the same name; each needs its own")
