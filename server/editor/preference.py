"""From what a user said of an answer to a preference: what was wanted, what was not, judged by the guardian.

A correction makes a pair, the demonstration against the answer given; a thumb makes one liked or disliked
answer. What is taught to be said is judged like any example: the demonstration is the user's own text. A
disliked answer is judged as well. The answer that a correction rejects is not: nobody is taught to say it.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from guardian import Judges, to_dict
from guardian.types import Candidate, Decision, Scope
from server.editor.judge import Judged, raise_if_down, source_of, why
from server.editor.knowledge import Background
from server.ledger import grades
from server.ledger.types import Feedback
from server.types import EditState, Example, SelfEdit, Turn


def written(turn: Turn, said: Feedback) -> SelfEdit | str:
    """The preference that a feedback states, or why it states none."""
    wanted, given = said.demonstration.strip(), turn.answer.strip()
    if not given:
        return "the answer was empty"
    if wanted == given:
        return "the correction is the answer that was given"
    thumb = grades.thumb(said.value)
    if not wanted and thumb is None:
        return f"{said.metric_name} {said.value!r} does not say whether the answer was good or bad"
    examples = (
        (Example("chosen", turn.prompt, wanted), Example("rejected", turn.prompt, given))
        if wanted
        else (Example("chosen" if thumb else "rejected", turn.prompt, given),)
    )
    texts = "\0".join([turn.id, said.user, *(f"{e.kind} {e.completion}" for e in examples)])
    return SelfEdit(
        id=hashlib.sha256(texts.encode()).hexdigest(),
        turn_id=turn.id,
        user=said.user,
        statement=wanted or given,
        span=(0, 0),
        value="",
        subject="",
        examples=examples,
        kind="preference",
    )


def judge_preference(
    guardian: Judges, edit: SelfEdit, turn: Turn, background: Background | None = None
) -> Judged:
    """The preference in the state that the guardian's verdict gives it. Blocks. Raises GuardianDown."""
    first = edit.examples[0]
    text = f"{turn.prompt}\n{first.completion}"
    source = source_of(text, first.completion, edit, turn, background)
    verdict = guardian.judge(Candidate(first.prompt, first.completion), source)
    raise_if_down(verdict)
    state, reason = EditState.ALLOWED, ""
    if verdict.decision is Decision.BLOCK:
        state, reason = EditState.BLOCKED, why(verdict)
    elif not verdict.allowed:
        state, reason = EditState.QUARANTINED, why(verdict)
    elif verdict.max_scope < Scope.GLOBAL:
        state = EditState.MEMORY_ONLY
        reason = f"for one {verdict.max_scope.name.lower()} only: {why(verdict)}"
    if verdict.fixed is not None and verdict.allowed:
        first = replace(first, prompt=verdict.fixed.prompt, completion=verdict.fixed.completion)
    examples = (first, *edit.examples[1:])
    return Judged(replace(edit, examples=examples, state=state, reason=reason), (to_dict(verdict),))
