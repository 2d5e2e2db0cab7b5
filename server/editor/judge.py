"""What becomes of a self-edit: the guardian's verdict on each example, drawn together to one state.

The statement decides for the whole edit. Another example that is not allowed is left out, and its verdict
stays in the statement's, under `dropped`; an edit that loses too many waits for a person. Where the statement
itself waits, examples that wait for nothing else wait with it, so that approving it approves something that
can be taught. The narrowest scope of what stays says whether the shared weights may learn it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from guardian import Judges, to_dict
from guardian.types import Candidate, Decision, Scope, Source, Status, Verdict
from server.editor.knowledge import Background
from server.types import EditState, Example, SelfEdit, Turn

LEAST_TRAINED = 3
LEAST_HELD_OUT = 1
"""With fewer questions left, a fact can neither be taught nor examined."""


class GuardianDown(Exception):
    """A check of the guardian cannot run: nothing is learned until it can."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A self-edit in the state that the verdicts give it, and its verdicts for the ledger, in order.

    The first, the statement's, tells under `dropped` what was left out: kind of example and verdict, no text.
    """

    edit: SelfEdit
    verdicts: tuple[dict[str, Any], ...]


def judge(guardian: Judges, edit: SelfEdit, turn: Turn, background: Background | None = None) -> Judged:
    """Judge every example of an edit. Blocks: run it in a thread. Raises GuardianDown.

    Without a background nothing is known beside the turn (`Background.alone`).
    """
    source = source_of(turn.prompt, edit.statement, edit, turn, background)
    verdicts = guardian.judge_all([(Candidate(e.prompt, e.completion), source) for e in edit.examples])
    for verdict in verdicts:
        raise_if_down(verdict)
    told = _objecting(v for e, v in zip(edit.examples, verdicts, strict=True) if e.kind == "statement")
    kept: list[tuple[Example, Verdict]] = []
    dropped: list[tuple[Example, Verdict]] = []
    for example, verdict in zip(edit.examples, verdicts, strict=True):
        if verdict.fixed is not None and verdict.allowed:
            example = replace(example, prompt=verdict.fixed.prompt, completion=verdict.fixed.completion)
        waits = verdict.decision is Decision.QUARANTINE and _objecting([verdict]) <= told
        stays = example.kind == "statement" or verdict.allowed or waits
        (kept if stays else dropped).append((example, verdict))
    kept = with_held_out(kept)
    state, reason = decide(kept, dropped)
    rows: list[dict[str, Any]] = [to_dict(verdict) for _, verdict in kept]
    if rows and dropped:
        rows[0]["dropped"] = [{"kind": example.kind, "verdict": to_dict(v)} for example, v in dropped]
    return Judged(replace(edit, examples=tuple(e for e, _ in kept), state=state, reason=reason), tuple(rows))


def source_of(
    text: str, statement: str, edit: SelfEdit, turn: Turn, background: Background | None = None
) -> Source:
    """Where an edit comes from, in the guardian's words: `text`, of which `statement` states it."""
    known = background or Background.alone(turn)
    return Source(
        text,
        edit.user,
        known.tier,
        Scope.GLOBAL,
        statement,
        known.known,
        turn.created_at,
        turn.key_name,
        edit.kind,
    )


def decide(
    kept: Sequence[tuple[Example, Verdict]], dropped: Sequence[tuple[Example, Verdict]]
) -> tuple[EditState, str]:
    """The state of an edit and, when it is not ALLOWED, why."""
    statements = [verdict for example, verdict in kept if example.kind == "statement"]
    worst = max(statements, key=lambda v: (v.decision, -v.max_scope), default=None)
    if worst is None:
        return EditState.BLOCKED, "it holds no statement"
    if worst.decision is Decision.BLOCK:
        return EditState.BLOCKED, why(worst)
    if not worst.allowed:
        return EditState.QUARANTINED, why(worst)
    questions = [example for example, _ in kept if example.kind == "question"]
    held_out = sum(example.held_out for example in questions)
    if len(questions) - held_out < LEAST_TRAINED or held_out < LEAST_HELD_OUT:
        first = why(dropped[0][1]) if dropped else "too few were written"
        return EditState.QUARANTINED, f"only {len(questions)} of its questions may be learned: {first}"
    narrowest = min((verdict for _, verdict in kept), key=lambda v: v.max_scope)
    if narrowest.max_scope < Scope.GLOBAL:
        return EditState.MEMORY_ONLY, f"for one {narrowest.max_scope.name.lower()} only: {why(narrowest)}"
    return EditState.ALLOWED, ""


def with_held_out(kept: list[tuple[Example, Verdict]]) -> list[tuple[Example, Verdict]]:
    """When every held-out question was dropped, the last trained one is set aside instead."""
    questions = [i for i, (example, _) in enumerate(kept) if example.kind == "question"]
    if questions and not any(kept[i][0].held_out for i in questions):
        last = questions[-1]
        kept[last] = (replace(kept[last][0], held_out=True), kept[last][1])
    return kept


def _objecting(verdicts: Iterable[Verdict]) -> set[str]:
    """The checks that ask for a person."""
    return {f.check for v in verdicts for f in v.findings if f.action is Decision.QUARANTINE}


def why(verdict: Verdict) -> str:
    """The finding that decided, in words."""
    standing = [f for f in verdict.findings if not f.lifted_by]
    findings = sorted(standing, key=lambda f: (-f.action, f.max_scope))
    return f"{findings[0].check}: {findings[0].evidence}" if findings else "the guardian gave no reason"


def raise_if_down(verdict: Verdict) -> None:
    """A check that could not run is no verdict. Raises GuardianDown."""
    for finding in verdict.findings:
        if finding.status is Status.ERROR:
            raise GuardianDown(f"the guardian's check '{finding.check}' cannot run: {finding.evidence}")


def probe(guardian: Judges) -> str:
    """Why the guardian cannot judge now, found with a harmless example; '' when it can. Blocks."""
    text = "The library in Arden opens at 9 am."
    question = "When does the library in Arden open?"
    try:
        raise_if_down(guardian.judge(Candidate(question, text), Source(text, "editor", statement=text)))
    except Exception as error:  # whatever is wrong with the guardian, nothing may be learned and chat goes on
        return str(error) or type(error).__name__
    return ""
