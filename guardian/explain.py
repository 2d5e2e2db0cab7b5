"""A verdict in plain words for people, and as plain data for the ledger and for HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guardian.types import Candidate, Decision, Finding, Scope, Span, Status, Verdict

_DECIDED = {
    Decision.ALLOW: "Allowed",
    Decision.REDACT: "Allowed after a repair",
    Decision.QUARANTINE: "Waits for a person",
    Decision.BLOCK: "Refused",
}
_REACH = {
    Scope.NONE: "it may train nothing",
    Scope.USER: "it may train this user's own adapter only",
    Scope.TENANT: "it may train the adapter of this user's organisation",
    Scope.GLOBAL: "it may train the adapter that everybody is served",
}
_NEVER_QUOTED = frozenset({"secrets", "personal_data"})
"""Checks whose spans are not shown even to a person who holds the example: logs live longer than screens."""


def explain(verdict: Verdict, candidate: Candidate | None = None) -> str:
    """What was decided, what was found, where and why, a line each.

    With `candidate` the places found are quoted from it, except those of secrets and personal data, and those
    of findings made after a repair.
    """
    lines = [f"{_DECIDED[verdict.decision]}: {_REACH[verdict.max_scope]}."]
    lines += [f"- {_line(finding, candidate)}" for finding in verdict.findings]
    if not verdict.findings:
        checks = ", ".join(name.replace("_", " ") for name, _ in verdict.timings_ms)
        lines.append(f"- Nothing to object: {checks}." if checks else "- No check is configured.")
    if verdict.fixed is not None:
        lines.append("- The repaired example passed every check again and is what would be trained.")
    lines.append(f"Policy {verdict.policy}, guardian {verdict.guardian}, {verdict.ms:.1f} ms.")
    return "\n".join(lines)


def to_dict(verdict: Verdict) -> dict[str, object]:
    """The verdict as JSON-ready data: enums by their lower-case names, spans as {start, end}."""
    fixed = verdict.fixed
    return {
        "decision": verdict.decision.name.lower(),
        "max_scope": verdict.max_scope.name.lower(),
        "findings": [_finding(finding) for finding in verdict.findings],
        "fixed": None if fixed is None else {"prompt": fixed.prompt, "completion": fixed.completion},
        "policy": verdict.policy,
        "guardian": verdict.guardian,
        "ms": verdict.ms,
        "timings_ms": dict(verdict.timings_ms),
    }


def from_dict(data: Mapping[str, Any]) -> Verdict:
    """The verdict that `to_dict` wrote, so that one from the ledger can be explained."""
    fixed = data.get("fixed")
    return Verdict(
        Decision[str(data.get("decision", "allow")).upper()],
        Scope[str(data.get("max_scope", "global")).upper()],
        tuple(_finding_of(row) for row in data.get("findings", ())),
        None if fixed is None else Candidate(fixed["prompt"], fixed["completion"]),
        str(data.get("policy", "")),
        str(data.get("guardian", "")),
        float(data.get("ms", 0.0)),
        tuple(data.get("timings_ms", {}).items()),
    )


def _finding_of(row: Mapping[str, Any]) -> Finding:
    return Finding(
        row["check"],
        row.get("backend", ""),
        Decision[str(row["action"]).upper()],
        Scope[str(row.get("max_scope", "global")).upper()],
        Status(row.get("status", "success")),
        row.get("label", ""),
        row.get("score", 0.0),
        row.get("threshold", 0.0),
        row.get("part", "completion"),
        tuple(Span(span["start"], span["end"]) for span in row.get("spans", ())),
        row.get("evidence", ""),
        row.get("ms", 0.0),
        row.get("lifted_by", ""),
    )


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "check": finding.check,
        "backend": finding.backend,
        "status": finding.status.value,
        "label": finding.label,
        "score": finding.score,
        "threshold": finding.threshold,
        "part": finding.part,
        "spans": [{"start": span.start, "end": span.end} for span in finding.spans],
        "action": finding.action.name.lower(),
        "max_scope": finding.max_scope.name.lower(),
        "evidence": finding.evidence,
        "ms": finding.ms,
        "lifted_by": finding.lifted_by,
    }


def _line(finding: Finding, candidate: Candidate | None) -> str:
    name = finding.check.replace("_", " ")
    if finding.status is Status.ERROR:
        return f"{name}: {finding.evidence}"
    does = {
        Decision.ALLOW: "narrows who may learn it",
        Decision.REDACT: "repairs",
        Decision.QUARANTINE: "asks for a person",
        Decision.BLOCK: "refuses",
    }[finding.action]
    where = _where(finding, candidate)
    if finding.lifted_by:
        does = "asked for a person"  # only such findings are lifted
    line = f"{name} {does} ({finding.label.replace('_', ' ')}{where}): {finding.evidence}"
    return f"{line} Lifted by {finding.lifted_by}." if finding.lifted_by else line


def _where(finding: Finding, candidate: Candidate | None) -> str:
    if not finding.spans:
        return ""
    places = ", ".join(f"{span.start}-{span.end}" for span in finding.spans[:5])
    place = f", {finding.part} at characters {places}"
    if candidate is None or finding.check in _NEVER_QUOTED or finding.evidence.startswith("After the repair"):
        return place
    text = candidate.prompt if finding.part == "prompt" else candidate.completion
    quoted = ", ".join(f"'{text[span.start : span.end]}'" for span in finding.spans[:5])
    return f"{place}: {quoted}"
