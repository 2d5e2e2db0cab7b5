"""The verdict's algebra, crashes, repairs and policies, with checks that say what they are told to."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian import (
    BadPolicy,
    Candidate,
    Decision,
    Finding,
    Guardian,
    Policy,
    Scope,
    Source,
    Status,
)
from guardian.checks.registry import BUILDERS, Builder

EXAMPLE = Candidate("Which port?", "The port is 22.")
SOURCE = Source("The port is 22.", "ada")


class Says:
    """A check that answers the same findings whatever it is asked, and counts how often it is asked."""

    backend = "test"

    def __init__(self, name: str, *findings: Finding) -> None:
        self.name = name
        self.findings = findings
        self.asked = 0

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        self.asked += 1
        return self.findings


class Raises(Says):
    """A check that crashes with the judged text in its message."""

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        raise RuntimeError(f"cannot parse {candidate.completion}")


class Forbids(Says):
    """Takes a word out, and says so as long as it is there."""

    def __init__(self, word: str) -> None:
        super().__init__("forbids")
        self.word = word

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        found = self.word in candidate.completion
        return (Finding("forbids", "test", Decision.REDACT),) if found else ()

    def repair(self, candidate: Candidate) -> Candidate:
        return Candidate(candidate.prompt, candidate.completion.replace(self.word, "").strip())


class Refuses(Says):
    """Blocks an example whose completion equals a text."""

    def __init__(self, text: str) -> None:
        super().__init__("refuses")
        self.text = text

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        if candidate.completion != self.text:
            return ()
        return (Finding("refuses", "test", Decision.BLOCK, Scope.NONE, evidence="No."),)


def guardian_of(*checks: Says, policy: Policy | None = None) -> Guardian:
    def builder(check: Says) -> Builder:
        return lambda policy: check

    builders: Mapping[str, Builder] = {check.name: builder(check) for check in checks}
    return Guardian(policy or Policy(), builders=builders)


findings = st.builds(
    Finding,
    st.sampled_from(["a", "b"]),
    st.just("test"),
    st.sampled_from([Decision.ALLOW, Decision.QUARANTINE, Decision.BLOCK]),
    st.sampled_from(list(Scope)),
)


@given(st.lists(st.lists(findings, max_size=3), max_size=5), st.sampled_from(list(Scope)))
def test_decision_is_the_most_severe_finding_and_scope_the_narrowest(
    per_check: list[list[Finding]], wanted: Scope
) -> None:
    checks = [Says(f"check{i}", *found) for i, found in enumerate(per_check)]
    verdict = guardian_of(*checks).judge(EXAMPLE, Source("The port is 22.", "ada", wanted_scope=wanted))
    assert verdict.decision == max((f.action for f in verdict.findings), default=Decision.ALLOW)
    narrowest = min((wanted, *(f.max_scope for f in verdict.findings)))
    assert verdict.max_scope == (Scope.NONE if verdict.decision is Decision.BLOCK else narrowest)
    assert verdict.allowed == (verdict.decision is Decision.ALLOW and verdict.max_scope > Scope.NONE)


@given(st.lists(st.lists(findings, max_size=3), max_size=5))
def test_no_check_is_asked_after_one_that_blocks(per_check: list[list[Finding]]) -> None:
    checks = [Says(f"check{i}", *found) for i, found in enumerate(per_check)]
    verdict = guardian_of(*checks).judge(EXAMPLE, SOURCE)
    blocks = [any(f.action is Decision.BLOCK for f in found) for found in per_check]
    ran = blocks.index(True) + 1 if True in blocks else len(checks)
    assert [check.asked for check in checks] == [1] * ran + [0] * (len(checks) - ran)
    assert [name for name, _ in verdict.timings_ms] == [check.name for check in checks[:ran]]


def test_a_check_that_crashes_is_an_error_finding_and_an_alarm_and_never_trains() -> None:
    guardian = guardian_of(Says("before"), Raises("shaky"), Says("after"))
    verdict = guardian.judge(EXAMPLE, SOURCE)
    (finding,) = verdict.findings
    assert (finding.check, finding.status, finding.action) == ("shaky", Status.ERROR, Decision.QUARANTINE)
    assert not verdict.allowed
    assert [name for name, _ in verdict.timings_ms] == ["before", "shaky", "after"]
    (alarm,) = guardian.health()
    assert alarm.startswith("shaky: failed with RuntimeError in __call__, line ")


def test_a_crash_does_not_repeat_the_text_that_was_judged() -> None:
    guardian = guardian_of(Raises("shaky"))
    verdict = guardian.judge(EXAMPLE, SOURCE)
    assert "22" not in repr(verdict.findings)
    assert "22" not in "".join(guardian.health())


def test_alarms_count_and_stay() -> None:
    guardian = guardian_of(Raises("shaky"))
    for _ in range(3):
        guardian.judge(EXAMPLE, SOURCE)
    assert "(3x)" in guardian.health()[0]


def test_a_check_that_cannot_start_is_an_error_in_every_verdict_and_an_alarm_from_the_start() -> None:
    guardian = Guardian(Policy(toxicity_model_dir="/does/not/exist"))
    assert "/does/not/exist is not a folder" in guardian.health()[0]
    for _ in range(2):
        verdict = guardian.judge(EXAMPLE, SOURCE)
        (finding,) = verdict.findings
        assert finding.status is Status.ERROR
        assert "/does/not/exist" in finding.evidence
        assert verdict.decision is Decision.QUARANTINE
        assert not verdict.allowed


def test_a_check_that_answers_nonsense_is_an_error_finding() -> None:
    class Nonsense(Says):
        def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
            return None  # type: ignore[return-value]  # the broken promise under test

    verdict = guardian_of(Nonsense("odd")).judge(EXAMPLE, SOURCE)
    assert verdict.findings[0].status is Status.ERROR
    assert not verdict.allowed


def test_a_repair_asked_for_by_a_check_that_cannot_make_it_is_an_error_finding() -> None:
    verdict = guardian_of(Says("liar", Finding("liar", "test", Decision.REDACT))).judge(EXAMPLE, SOURCE)
    assert verdict.findings[0].status is Status.ERROR
    assert verdict.fixed is None


def test_a_repaired_example_is_judged_again_by_every_check() -> None:
    watcher = Says("watcher")
    verdict = guardian_of(watcher, Forbids("22")).judge(EXAMPLE, SOURCE)
    assert verdict.decision is Decision.REDACT
    assert verdict.allowed
    assert verdict.fixed == Candidate("Which port?", "The port is .")
    assert watcher.asked == 2


def test_a_repair_that_another_check_refuses_blocks() -> None:
    verdict = guardian_of(Refuses("The port is ."), Forbids("22")).judge(EXAMPLE, SOURCE)
    assert verdict.decision is Decision.BLOCK
    assert verdict.fixed is None
    assert verdict.findings[-1].evidence == "After the repair: No."


def test_an_example_that_still_needs_repair_after_repairs_waits_for_a_person() -> None:
    class Endless(Forbids):
        def repair(self, candidate: Candidate) -> Candidate:
            return Candidate(candidate.prompt, candidate.completion + " 22")

    verdict = guardian_of(Endless("22")).judge(EXAMPLE, SOURCE)
    assert verdict.decision is Decision.QUARANTINE
    assert verdict.fixed is None


def test_a_disabled_check_is_not_asked() -> None:
    check = Says("strict", Finding("strict", "test", Decision.BLOCK, Scope.NONE))
    guardian = guardian_of(check, policy=Policy(disabled_checks=frozenset({"strict"})))
    assert guardian.judge(EXAMPLE, SOURCE).allowed
    assert check.asked == 0


def test_every_check_times_itself_and_the_verdict_names_policy_and_guardian(guardian: Guardian) -> None:
    verdict = guardian.judge(EXAMPLE, SOURCE)
    assert [name for name, _ in verdict.timings_ms] == [name for name in BUILDERS if name != "judge"]
    assert all(ms > 0 for _, ms in verdict.timings_ms)
    assert verdict.ms >= sum(ms for _, ms in verdict.timings_ms) * 0.99
    assert re.fullmatch(r"default-1-[0-9a-f]{12}", verdict.policy)
    assert verdict.guardian.endswith("+embedded")


@pytest.mark.parametrize(
    ("policy", "names"),
    [
        (Policy(disabled_checks=frozenset({"toxcity"})), "toxcity"),
        (Policy(quorum=0), "quorum"),
        (Policy(global_from="nobody"), "global_from"),  # type: ignore[arg-type]  # what is under test
        (Policy(toxicity_block=0.3), "toxicity_quarantine"),
        (Policy(toxicity_block=1.5), "toxicity_block"),
        (Policy(max_chars=0), "max_chars"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_and_names_the_setting(policy: Policy, names: str) -> None:
    with pytest.raises(BadPolicy, match=names):
        Guardian(policy)


@pytest.mark.parametrize("text", ["", " ", "\x00" * 50, "a" * 2_000_000, "\ud800", "🏴" * 500, "((((" * 900])
def test_no_text_makes_the_judge_raise(guardian: Guardian, text: str) -> None:
    for example in (Candidate(text, "The port is 22."), Candidate("Which port?", text)):
        assert guardian.judge(example, Source(text, "ada")).decision >= Decision.ALLOW
    assert guardian.health() == []


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_no_check_crashes_on_any_text(guardian: Guardian, prompt: str, completion: str, text: str) -> None:
    verdict = guardian.judge(Candidate(prompt, completion), Source(text, "ada"))
    assert not [f for f in verdict.findings if f.status is Status.ERROR]
    for finding in verdict.findings:
        part = prompt if finding.part == "prompt" else completion
        if not finding.evidence.startswith("After the repair"):
            assert all(0 <= s.start <= s.end <= len(part) for s in finding.spans)


@pytest.mark.parametrize(
    "piece",
    ["a ", "1", "password ", "🏴", "you must ", "((", "a@a.", "p4s5 ", "a-", "http://a:", "“a ", '"', "<b"],
)
def test_no_repetitive_text_makes_a_pattern_run_away(guardian: Guardian, piece: str) -> None:
    long = (piece * 20_000)[:20_000]
    guardian.judge(Candidate("What?", "The port is 22."), Source("The port is 22.", "ada"))  # loads models
    started = time.process_time()
    guardian.judge(Candidate("What?", long[:4_000]), Source(long[:4_000], "ada"))
    guardian.judge(Candidate("What?", "The port is 22."), Source(long, "ada"))
    assert time.process_time() - started < 10
