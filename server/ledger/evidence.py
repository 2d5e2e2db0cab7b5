"""What has happened under a rollout, counted once by high-water marks: no decision reads old turns again.

A mark is the row number up to which turns, or feedback, are counted. Whoever holds the rollout's lease reads
what lies beyond, says what it means, and stores counts and marks in one transaction; a number that grows with
each is the fence against two who count. Not covered: rows that are erased before they are counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, literal_column, select, update

from server.ledger import audit, schema, turns
from server.ledger import edits as edit_rows
from server.ledger.errors import RefMoved
from server.ledger.tally import CANARY, Signal, Split, Tally
from server.ledger.types import RolloutCounts, Tx
from server.types import Arm, Rollout, Turn, TurnState

OBJECTED = "objected"
_turns, _feedback = schema.turns, schema.feedback
_units, _evidence, _decisions = schema.rollout_units, schema.rollout_evidence, schema.rollout_decisions
_TURN_NUMBER: ColumnElement[int] = literal_column("turns.rowid")
_FEEDBACK_NUMBER: ColumnElement[int] = literal_column("feedback.rowid")
_LOOK_BACK = 6
"""Turns of a user among which the one before in the same conversation is looked for."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What is stored of a rollout's evidence."""

    number: int = 0
    turn_mark: int = 0
    feedback_mark: int = 0
    counts: RolloutCounts = field(default_factory=lambda: RolloutCounts(0, 0, 0))
    splits: Mapping[str, tuple[Split, ...]] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)
    """What only the rollout's code reads: pairs, recent failures, drift."""


@dataclass(frozen=True, slots=True)
class News:
    """What lies beyond the marks, oldest first."""

    turns: tuple[tuple[Turn, Turn | None], ...]
    """Each with the turn before it in its conversation, where there is one."""
    objections: tuple[tuple[str, Turn], ...]
    """Who objected, and the turn to whose answer."""
    turn_mark: int
    feedback_mark: int


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as stored."""

    at: float
    action: str
    cause: str
    reason: str
    code: str
    policy: dict[str, Any]
    evidence: dict[str, Any]


def unit_name(salt: str, unit: str) -> str:
    """What stands for a user or conversation in the counts: told from others, and only within its rollout."""
    return sha256(f"unit:{salt}:{unit}".encode()).hexdigest()[:24]


def conversation_of(user: str, conversation: str) -> str:
    """A conversation as a unit."""
    return f"{user}:{conversation}"


def begin(tx: Tx, rollout_id: str) -> None:
    """Count from now on: what happened before is no evidence."""
    marks = [
        tx.db.execute(select(func.max(number)).select_from(table)).scalar() or 0
        for table, number in ((_turns, _TURN_NUMBER), (_feedback, _FEEDBACK_NUMBER))
    ]
    tx.db.execute(
        insert(_evidence).values(
            rollout=rollout_id, number=1, turn_mark=marks[0], feedback_mark=marks[1], canary_turns=0,
            failed_turns=0, objectors=0, splits={}, state={},
        )
    )  # fmt: skip


def counted(tx: Tx, rollout_id: str) -> Counted:
    """What is stored of a rollout's evidence; nothing of an unknown one."""
    row = tx.db.execute(select(_evidence).where(_evidence.c.rollout == rollout_id)).first()
    if row is None:
        return Counted()
    splits = {metric: tuple(Split(*one) for one in found) for metric, found in row.splits.items()}
    counts = RolloutCounts(row.canary_turns, row.failed_turns, row.objectors)
    return Counted(row.number, row.turn_mark, row.feedback_mark, counts, splits, dict(row.state))


def news(tx: Tx, rollout: Rollout, since: Counted, limit: int = 500) -> News:
    """At most so many turns, and as many objections, beyond the marks."""
    rows = tx.db.execute(
        select(_turns, _TURN_NUMBER.label("number"))
        .where(since.turn_mark < _TURN_NUMBER)
        .order_by(_TURN_NUMBER)
        .limit(limit)
    ).all()
    met = [turns.from_row(row) for row in rows]
    said = tx.db.execute(
        select(_feedback.c.user_id.label("who"), _FEEDBACK_NUMBER.label("number"), _feedback.c.turn_id)
        .where(since.feedback_mark < _FEEDBACK_NUMBER, _feedback.c.negative)
        .order_by(_FEEDBACK_NUMBER)
        .limit(limit)
    ).all()
    objections = [(row.who, turns.turn(tx, row.turn_id)) for row in said]
    return News(
        turns=tuple((turn, _before(tx, turn) if turn.rollout == rollout.id else None) for turn in met),
        objections=tuple((who, turn) for who, turn in objections if turn.rollout == rollout.id),
        turn_mark=rows[-1].number if rows else since.turn_mark,
        feedback_mark=said[-1].number if said else since.feedback_mark,
    )


def _before(tx: Tx, turn: Turn) -> Turn | None:
    """The user's last turn in the same conversation, among their last few."""
    rows = tx.db.execute(
        select(_turns.c.id, _turns.c.conversation)
        .where(_turns.c.user_id == turn.user, _turns.c.created_at < turn.created_at)
        .order_by(_turns.c.created_at.desc())
        .limit(_LOOK_BACK)
    )
    found = next((row.id for row in rows if row.conversation == turn.conversation), None)
    return turns.turn(tx, found) if found else None


def count(
    tx: Tx,
    rollout: Rollout,
    since: Counted,
    found: News,
    signals: Sequence[Signal],
    state: Mapping[str, Any],
) -> Counted:
    """Count news and signals, move the marks, keep the state. Raises RefMoved when another has counted."""
    tally = _tally(tx, rollout, since, {signal.unit for signal in signals})
    known = set(tally.seen)
    counted_now = {(signal.metric, signal.unit) for signal in signals if tally.count(signal)}
    _mark(tx, rollout, {key: tally.seen[key] for key in counted_now}, known)
    mine = [turn for turn, _ in found.turns if turn.rollout == rollout.id and turn.arm is Arm.CANARY]
    objectors = _objectors(tx, rollout, found.objections)
    _mark(tx, rollout, {(OBJECTED, unit): CANARY for unit in objectors}, set())
    counts = RolloutCounts(
        since.counts.canary_turns + len(mine),
        since.counts.failed_turns + sum(turn.state is TurnState.FAILED for turn in mine),
        since.counts.thumbs_down_users + len(objectors),
    )
    splits = {metric: tally.splits(metric) for metric in tally.metrics}
    after = Counted(since.number + 1, found.turn_mark, found.feedback_mark, counts, splits, dict(state))
    _store(tx, rollout, since, after)
    return after


def _store(tx: Tx, rollout: Rollout, since: Counted, after: Counted) -> None:
    changed = {
        "number": after.number,
        "turn_mark": after.turn_mark,
        "feedback_mark": after.feedback_mark,
        "canary_turns": after.counts.canary_turns,
        "failed_turns": after.counts.failed_turns,
        "objectors": after.counts.thumbs_down_users,
        "splits": {m: [[s.chance, s.canary, s.control] for s in of] for m, of in after.splits.items()},
        "state": dict(after.state),
    }
    mine = (_evidence.c.rollout == rollout.id, _evidence.c.number == since.number)
    if tx.db.execute(update(_evidence).where(*mine).values(changed)).rowcount:
        return
    if since.number:
        raise RefMoved(f"another process has counted the evidence of {rollout.id}: read it again.")
    tx.db.execute(insert(_evidence).values(rollout=rollout.id, **changed))  # begun by an earlier release


def _tally(tx: Tx, rollout: Rollout, since: Counted, units: Collection[str]) -> Tally:
    """The rollout's tally, as far as these units are concerned."""
    seen: dict[tuple[str, str], float] = {}
    for some in edit_rows.chunks(sorted(units)):
        rows = tx.db.execute(select(_units).where(_units.c.rollout == rollout.id, _units.c.unit.in_(some)))
        seen.update({(row.metric, row.unit): row.weight for row in rows})
    return Tally(seen, since.splits)


def _mark(
    tx: Tx, rollout: Rollout, marks: Mapping[tuple[str, str], float], known: Collection[tuple[str, str]]
) -> None:
    """Note at which weight units were counted; `known` are those that have a row."""
    fresh = [
        {"rollout": rollout.id, "metric": metric, "unit": unit, "weight": weight}
        for (metric, unit), weight in marks.items()
        if (metric, unit) not in known
    ]
    if fresh:
        tx.db.execute(insert(_units), fresh)
    for (metric, unit), weight in marks.items():
        if (metric, unit) in known:
            mine = (_units.c.rollout == rollout.id, _units.c.metric == metric, _units.c.unit == unit)
            tx.db.execute(update(_units).where(*mine).values(weight=weight))


def _objectors(tx: Tx, rollout: Rollout, objections: Sequence[tuple[str, Turn]]) -> list[str]:
    """Users who object to a canary's answer for the first time."""
    units = {unit_name(rollout.salt, who) for who, turn in objections if turn.arm is Arm.CANARY}
    known = select(_units.c.unit).where(_units.c.rollout == rollout.id, _units.c.metric == OBJECTED)
    return sorted(units - set(tx.db.execute(known.where(_units.c.unit.in_(units))).scalars()))


def rollout_counts(tx: Tx, rollout_id: str) -> RolloutCounts:
    """What the canary arm of a rollout has met, with what is not counted yet. Pinned answers do not count."""
    since = counted(tx, rollout_id)
    salt = tx.db.execute(select(schema.rollouts.c.salt).where(schema.rollouts.c.id == rollout_id)).scalar()
    canary = (_turns.c.rollout == rollout_id) & (_turns.c.arm == Arm.CANARY)
    states = tx.db.execute(
        select(_turns.c.state, func.count().label("turns"))
        .where(canary, since.turn_mark < _TURN_NUMBER)
        .group_by(_turns.c.state)
    )
    fresh: dict[str, int] = {row.state: row.turns for row in states}
    said = tx.db.execute(
        select(_feedback.c.user_id, _feedback.c.turn_id)
        .where(since.feedback_mark < _FEEDBACK_NUMBER, _feedback.c.negative)
        .distinct()
    ).all()
    objected = {row.user_id for row in said if _is_canarys(turns.turn(tx, row.turn_id), rollout_id)}
    known = set(
        tx.db.execute(
            select(_units.c.unit).where(_units.c.rollout == rollout_id, _units.c.metric == OBJECTED)
        ).scalars()
    )
    more = sum(unit_name(str(salt), who) not in known for who in objected)
    return RolloutCounts(
        since.counts.canary_turns + sum(fresh.values()),
        since.counts.failed_turns + fresh.get(TurnState.FAILED, 0),
        since.counts.thumbs_down_users + more,
    )


def _is_canarys(turn: Turn, rollout_id: str) -> bool:
    return turn.rollout == rollout_id and turn.arm is Arm.CANARY


def forget_user(tx: Tx, user: str) -> None:
    """Forget a user's marks: the counts name nobody and stay. Call it while their turns are there."""
    talks = select(_turns.c.conversation).where(_turns.c.user_id == user).distinct()
    units = [user, *(conversation_of(user, talk) for talk in tx.db.execute(talks).scalars())]
    marked = select(_units.c.rollout).distinct()
    live = select(schema.rollouts.c.id, schema.rollouts.c.salt).where(schema.rollouts.c.id.in_(marked))
    for row in tx.db.execute(live).all():
        for some in edit_rows.chunks([unit_name(row.salt, unit) for unit in units]):
            tx.db.execute(delete(_units).where(_units.c.rollout == row.id, _units.c.unit.in_(some)))


def end(tx: Tx, rollout_id: str) -> None:
    """Forget which units were counted: a rollout that has ended counts no more."""
    tx.db.execute(delete(_units).where(_units.c.rollout == rollout_id))


def add_decision(tx: Tx, rollout_id: str, decided: Decided) -> None:
    """Store a decision with all that it was made from."""
    tx.db.execute(
        insert(_decisions).values(
            rollout=rollout_id, at=decided.at, action=decided.action, cause=decided.cause,
            reason=decided.reason, code=decided.code, policy=decided.policy, evidence=decided.evidence,
        )
    )  # fmt: skip
    said = {"action": decided.action, "cause": decided.cause}
    audit.emit(tx, "rollout", rollout_id, f"{decided.action}: {decided.reason}"[:200], said)


def decisions(tx: Tx, rollout_id: str, limit: int = 20) -> list[Decided]:
    """The last decisions about a rollout, newest first."""
    rows = tx.db.execute(
        select(_decisions)
        .where(_decisions.c.rollout == rollout_id)
        .order_by(_decisions.c.id.desc())
        .limit(limit)
    )
    return [_decided(row) for row in rows]


def replayable(tx: Tx, before: float, limit: int) -> list[Turn]:
    """The last turns that may be learned from, told before a moment, newest first: what is replayed."""
    rows = tx.db.execute(
        select(_turns)
        .where(_turns.c.created_at < before, _turns.c.state == TurnState.LEARNABLE)
        .order_by(_turns.c.created_at.desc(), _turns.c.id)
        .limit(limit)
    )
    return [turns.from_row(row) for row in rows]


def users_met(tx: Tx, rollout_id: str, known: str, met: str) -> tuple[int, int]:
    """Users of a rollout who were counted as `met` on the canary, and all who are `known`."""
    of_rollout = select(func.count()).where(_units.c.rollout == rollout_id)
    canary = of_rollout.where(_units.c.metric == met, _units.c.weight >= CANARY)
    total = of_rollout.where(_units.c.metric == known)
    return tx.db.execute(canary).scalar_one(), tx.db.execute(total).scalar_one()


def past_drifts(tx: Tx) -> list[float]:
    """The drift of each version that was promoted on evidence, nats a token."""
    rows = tx.db.execute(
        select(_evidence.c.state)
        .join(schema.rollouts, schema.rollouts.c.id == _evidence.c.rollout)
        .where(schema.rollouts.c.state == "promoted")
    ).scalars()
    measured = [state["drift"] for state in rows if state.get("drift")]
    return [sum(drift) / len(drift) for drift in measured]


def _decided(row: Row[Any]) -> Decided:
    return Decided(row.at, row.action, row.cause, row.reason, row.code, dict(row.policy), dict(row.evidence))
