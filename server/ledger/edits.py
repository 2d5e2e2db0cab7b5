"""Self-edits, their examples and the guardian's verdicts on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, func, insert, select, update

from server.ledger import audit, fragments, schema
from server.ledger.errors import BadTransition, UnknownEdit
from server.ledger.types import Tx
from server.types import EditKind, EditState, Example, Message, Scores, SelfEdit, Standing

_edits = schema.edits
_examples = schema.examples
_verdicts = schema.verdicts
_FACT = _edits.c.kind == "fact"


def add_edit(tx: Tx, edit: SelfEdit, position: int, verdicts: Sequence[Mapping[str, Any]]) -> None:
    """Store a self-edit with the verdict on each of its examples, in order. A known id is left alone."""
    if tx.db.execute(select(_edits.c.id).where(_edits.c.id == edit.id)).first() is not None:
        return
    if edit.state in (EditState.CLAIMED, EditState.TRAINED):
        raise BadTransition(f"A new edit cannot be {edit.state}: only the learner claims and trains.")
    tx.db.execute(
        insert(_edits).values(
            id=edit.id,
            turn_id=edit.turn_id,
            kind=edit.kind,
            position=position,
            created_at=tx.now,
            user_id=edit.user,
            statement=edit.statement,
            span_start=edit.span[0],
            span_end=edit.span[1],
            value=edit.value,
            subject=edit.subject,
            state=edit.state,
            reason=edit.reason,
            version=edit.version,
            attempts=edit.attempts,
            deaths=0,
        )
    )
    _write_examples(tx, edit.id, edit.examples, verdicts)
    if edit.state is not EditState.BLOCKED:
        fragments.index(tx, edit.id, edit.user, edit.statement, edit.subject, tx.now)
    audit.emit(tx, "edit", edit.id, f"{edit.state}: {edit.statement}"[:200], {"turn": edit.turn_id})


def rewrite_edit(
    tx: Tx,
    edit_id: str,
    examples: Sequence[Example],
    verdicts: Sequence[Mapping[str, Any]],
    state: EditState,
    reason: str,
    actor: str,
) -> SelfEdit:
    """A person's corrected examples take the place of the edit's, with the verdicts on them.

    Raises UnknownEdit, and BadTransition as `set_edit_state` does, or while it is held or trained.
    """
    if edit(tx, edit_id).state in (EditState.CLAIMED, EditState.TRAINED):
        raise BadTransition(f"Edit {edit_id[:12]} is in training or trained; its examples are fixed.")
    tx.db.execute(delete(_examples).where(_examples.c.edit_id == edit_id))
    tx.db.execute(delete(_verdicts).where(_verdicts.c.edit_id == edit_id))
    _write_examples(tx, edit_id, examples, verdicts)
    return set_edit_state(tx, edit_id, state, reason, actor)


def edits(tx: Tx, turn_id: str) -> list[SelfEdit]:
    """The self-edits written from a turn, in the order of writing."""
    return load(tx, select(_edits).where(_edits.c.turn_id == turn_id).order_by(_edits.c.position))


def edit(tx: Tx, edit_id: str) -> SelfEdit:
    """A self-edit by its id. Raises UnknownEdit."""
    found = load(tx, select(_edits).where(_edits.c.id == edit_id))
    if not found:
        raise UnknownEdit(f"No self-edit {edit_id!r} is in the ledger.")
    return found[0]


def edits_in(tx: Tx, state: EditState, limit: int = 100, kind: EditKind | None = None) -> list[SelfEdit]:
    """Self-edits in a state, oldest first; of one kind only where it is named."""
    found = select(_edits).where(_edits.c.state == state)
    return load(tx, oldest_first(found.where(_edits.c.kind == kind) if kind else found).limit(limit))


def private_edits(tx: Tx, among: int = 200) -> list[SelfEdit]:
    """Facts whose verdict keeps them from the adapter that everybody is served, of the newest `among` that
    are not trained, newest first."""
    kept = (EditState.MEMORY_ONLY, EditState.BLOCKED, EditState.QUARANTINED)
    found = select(_edits).where(_FACT, _edits.c.state.in_(kept))
    newest = load(tx, found.order_by(_edits.c.created_at.desc(), _edits.c.id).limit(among))
    return [edit for edit in newest if _narrow(verdicts(tx, edit.id))]


def _narrow(judged: Sequence[Mapping[str, Any]]) -> bool:
    return any(verdict.get("max_scope", "global") != "global" for verdict in judged)


def count_pending(tx: Tx) -> int:
    """How many facts wait for the learner."""
    return tx.db.execute(
        select(func.count()).select_from(_edits).where(_FACT, _edits.c.state == EditState.ALLOWED)
    ).scalar_one()


def newest_edit_at(tx: Tx) -> float:
    """When the newest waiting fact was written, in seconds since the epoch; 0 when none waits."""
    newest = select(func.max(_edits.c.created_at)).where(_FACT, _edits.c.state == EditState.ALLOWED)
    return tx.db.execute(newest).scalar() or 0.0


def standings(tx: Tx, edit_ids: Iterable[str]) -> dict[str, Standing]:
    """Whose word each of these edits is."""
    found = dict.fromkeys(edit_ids, Standing.STATED)
    for some in chunks(found):
        told = select(_edits.c.id).join(schema.turns, schema.turns.c.id == _edits.c.turn_id)
        rows = tx.db.execute(told.where(_edits.c.id.in_(some), schema.turns.c.operator))
        found |= dict.fromkeys(rows.scalars(), Standing.OPERATOR)
        approved = select(schema.audit.c.subject).where(audit.APPROVED, schema.audit.c.subject.in_(some))
        found |= dict.fromkeys(tx.db.execute(approved).scalars(), Standing.APPROVED)
    return found


def verdicts(tx: Tx, edit_id: str) -> list[dict[str, Any]]:
    """The guardian's verdicts on an edit's examples, in their order."""
    rows = tx.db.execute(
        select(_verdicts.c.verdict).where(_verdicts.c.edit_id == edit_id).order_by(_verdicts.c.position)
    )
    return list(rows.scalars())


def set_edit_state(tx: Tx, edit_id: str, state: EditState, reason: str, actor: str = "") -> SelfEdit:
    """Move an edit, with an audit row when a person or policy (`actor`) did it.

    Raises UnknownEdit, and BadTransition for CLAIMED and TRAINED (only the learner's claim leads there) and
    for TRAINED → ALLOWED: what a served version carries must be revoked or quarantined first. Taking an edit
    out of CLAIMED makes the update that trains it fail to record anything.
    """
    before = edit(tx, edit_id)
    if state in (EditState.CLAIMED, EditState.TRAINED):
        raise BadTransition(f"Edit {edit_id[:12]} becomes {state} only by the learner's claim.")
    if before.state is EditState.TRAINED and state is EditState.ALLOWED:
        raise BadTransition(f"Edit {edit_id[:12]} is trained; revoke it before it may be trained again.")
    move(tx, [edit_id], state, reason)
    if before.state is EditState.BLOCKED and state is not EditState.BLOCKED:
        fragments.index(tx, edit_id, before.user, before.statement, before.subject, _written_at(tx, edit_id))
    if actor:
        audit.record(tx, actor, "edit", edit_id, before.state, state, reason)
    return edit(tx, edit_id)


def move(tx: Tx, edit_ids: Sequence[str], state: EditState, reason: str) -> None:
    """Move edits without asking whether they may. The callers in this package have asked."""
    for some in chunks(edit_ids):
        tx.db.execute(
            update(_edits).where(_edits.c.id.in_(some)).values(state=state, reason=reason, update_id=None)
        )
    if state is EditState.BLOCKED:
        fragments.unindex(tx, edit_ids)
    for edit_id in edit_ids:
        audit.emit(tx, "edit", edit_id, f"{state}: {reason}"[:200] if reason else state.value)


def _written_at(tx: Tx, edit_id: str) -> float:
    at: float = tx.db.execute(select(_edits.c.created_at).where(_edits.c.id == edit_id)).scalar_one()
    return at


def chunks(ids: Iterable[str], size: int = 500) -> Iterator[list[str]]:
    """Ids in pieces that fit in one statement: databases bound the number of its parameters."""
    rest = list(ids)
    for start in range(0, len(rest), size):
        yield rest[start : start + size]


def oldest_first(query: Select[Any]) -> Select[Any]:
    """The order in which edits are learned."""
    return query.order_by(_edits.c.created_at, _edits.c.turn_id, _edits.c.position)


def load(tx: Tx, query: Select[Any]) -> list[SelfEdit]:
    """Self-edits from a query of edit rows, with their examples."""
    rows = tx.db.execute(query).all()
    found = _examples_of(tx, [row.id for row in rows])
    return [_edit(row, found[row.id]) for row in rows]


def _examples_of(tx: Tx, edit_ids: Iterable[str]) -> dict[str, list[Example]]:
    found: dict[str, list[Example]] = defaultdict(list)
    for some in chunks(edit_ids):
        rows = tx.db.execute(
            select(_examples).where(_examples.c.edit_id.in_(some)).order_by(_examples.c.position)
        )
        for row in rows:
            found[row.edit_id].append(_example(row))
    return found


def _write_examples(
    tx: Tx, edit_id: str, examples: Sequence[Example], verdicts: Sequence[Mapping[str, Any]]
) -> None:
    written = [
        {
            "edit_id": edit_id,
            "position": position,
            "kind": example.kind,
            "prompt": example.prompt,
            "completion": example.completion,
            "held_out": example.held_out,
            "context": [[message.role, message.content] for message in example.context],
            "relevance": example.scores and example.scores.relevance,
            "accuracy": example.scores and example.scores.accuracy,
            "style": example.scores and example.scores.style,
        }
        for position, example in enumerate(examples)
    ]
    judged = [
        {"edit_id": edit_id, "position": position, "judged_at": tx.now, "verdict": dict(verdict)}
        for position, verdict in enumerate(verdicts)
    ]
    if written:
        tx.db.execute(insert(_examples), written)
    if judged:
        tx.db.execute(insert(_verdicts), judged)


def _example(row: Row[Any]) -> Example:
    context = tuple(Message(role, content) for role, content in row.context)
    scores = None if row.style is None else Scores(row.relevance, row.accuracy, row.style)
    return Example(row.kind, row.prompt, row.completion, row.held_out, context, scores)


def _edit(row: Row[Any], examples: Sequence[Example]) -> SelfEdit:
    return SelfEdit(
        id=row.id,
        turn_id=row.turn_id,
        user=row.user_id,
        statement=row.statement,
        span=(row.span_start, row.span_end),
        value=row.value,
        subject=row.subject,
        examples=tuple(examples),
        state=EditState(row.state),
        reason=row.reason,
        version=row.version,
        attempts=row.attempts,
        kind=row.kind,
    )
