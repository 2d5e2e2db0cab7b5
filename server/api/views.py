"""How rows and verdicts look over HTTP. docs/http.md shows the shapes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from guardian import Candidate, explain, from_dict
from server.ledger.types import AuditCheck, AuditRow, EditLineage, Head, Lineage
from server.types import Message, Refs, SelfEdit, Turn, Update, VersionRow

MILDEST_FIRST = ("allow", "redact", "quarantine", "block")
NARROWEST_FIRST = ("none", "user", "tenant", "global")


def refs(refs: Refs) -> dict[str, Any]:
    """The two movable names."""
    return {"stable": refs.stable, "canary": refs.canary}


def version(row: VersionRow) -> dict[str, Any]:
    """One version as in GET /v1/adapters."""
    return {
        "version": row.name,
        "digest": row.digest,
        "deltas": list(row.deltas),
        "parent": row.parent,
        "created_at": row.created_at,
        "gate": row.gate,
        "erased": row.erased,
    }


def turn(row: Turn) -> dict[str, Any]:
    """A turn, with the text it holds."""
    return {
        **{name: getattr(row, name) for name in ("id", "created_at", "user", "key_name", "conversation")},
        "messages": messages(row.messages),
        **{name: getattr(row, name) for name in ("answer", "version", "rollout", "reason")},
        "arm": row.arm.value,
        "state": row.state.value,
    }


def messages(rows: Sequence[Message]) -> list[dict[str, str]]:
    """A conversation."""
    return [{"role": row.role, "content": row.content} for row in rows]


def edit(row: SelfEdit, verdicts: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """A self-edit, the verdict on each example beside it and the worst of them on top."""
    judged = [*verdicts, *[None] * (len(row.examples) - len(verdicts))]
    return {
        "id": row.id,
        "kind": row.kind,
        "turn_id": row.turn_id,
        "user": row.user,
        "statement": row.statement,
        "value": row.value,
        "subject": row.subject,
        "state": row.state.value,
        "reason": row.reason,
        "version": row.version,
        "attempts": row.attempts,
        "examples": [
            {**dataclasses.asdict(example), "verdict": verdict}
            for example, verdict in zip(row.examples, judged, strict=False)
        ],
        "verdict": worst(verdicts),
    }


def explanations(examples: Sequence[Mapping[str, Any]]) -> list[str]:
    """The verdict on each example in words, '' for one that nobody judged."""
    told: list[str] = []
    for example in examples:
        verdict = example.get("verdict")
        candidate = Candidate(example["prompt"], example["completion"])
        told.append(explain(from_dict(verdict), candidate) if verdict else "")
    return told


def worst(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The verdict on a whole self-edit: its worst decision, with all findings. None before it was judged."""
    if not verdicts:
        return None
    decisions = [str(verdict.get("decision", "block")) for verdict in verdicts]
    scopes = [str(verdict.get("max_scope", "none")) for verdict in verdicts if not verdict.get("dropped")]
    return {
        "decision": max(decisions, key=lambda d: MILDEST_FIRST.index(d) if d in MILDEST_FIRST else 99),
        "max_scope": min(scopes, key=NARROWEST_FIRST.index, default="none"),
        "findings": [finding for verdict in verdicts for finding in verdict.get("findings", ())],
    }


def lineage(found: Lineage) -> dict[str, Any]:
    """GET /v1/turns/{id}."""
    return {
        "turn": turn(found.turn),
        "self_edits": [_edit_lineage(written) for written in found.self_edits],
        "deltas": list(found.deltas),
        "versions": [version(row) for row in found.versions],
        "refs": found.refs,
        "state": found.state,
    }


def _edit_lineage(written: EditLineage) -> dict[str, Any]:
    return edit(written.edit, written.verdicts)


def update(row: Update) -> dict[str, Any]:
    """One training run."""
    return {**dataclasses.asdict(row), "state": row.state.value, "kind": row.kind.value}


def audit(row: AuditRow) -> dict[str, Any]:
    """One change of what is served or learned."""
    return dataclasses.asdict(row)


def head(found: Head) -> dict[str, Any]:
    """The end of the audit's chain."""
    return {"position": found.position, "hash": found.hash, "head": str(found)}


def audit_check(found: AuditCheck) -> dict[str, Any]:
    """Whether the audit is whole."""
    problems = [dataclasses.asdict(problem) for problem in found.problems]
    return {
        "ok": found.ok,
        "rows": found.rows,
        "head": head(found.head),
        "found": found.found,
        "problems": problems,
    }
