"""Durable work: rows are the queue, a worker holds one under a lease and may die at any moment.

A claim whose lease ran out may be claimed again, with a higher fence; what the old holder does afterwards is
refused. A job that fails is tried again later; one that fails, or kills its worker, too often is given up
with its reason kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, exists, func, insert, or_, select, update

from server.ledger import edits as edit_rows
from server.ledger import schema
from server.ledger.errors import StaleFence
from server.ledger.types import Job, Tx
from server.types import SelfEdit

MAX_FAILURES = 5
SHORTEST_RETRY_SECONDS = 60.0
LONGEST_RETRY_SECONDS = 3600.0
MAX_CLAIMS = 20
"""Claims without an end: a job that has taken so many workers down is not given to another."""

_jobs = schema.jobs

_BY_ID = select(_jobs).where(_jobs.c.id == bindparam("id"))
_INSERT = insert(_jobs)
_EXPIRED = (_jobs.c.state == "running") & (_jobs.c.lease_until < bindparam("now"))
_DUE = or_((_jobs.c.state == "queued") & (_jobs.c.run_after <= bindparam("now")), _EXPIRED)
_OF_KIND = _jobs.c.kind == bindparam("of_kind")
_GIVE_UP = (
    update(_jobs)
    .where(_OF_KIND, _EXPIRED, _jobs.c.attempts >= MAX_CLAIMS)
    .values(state="failed", owner=None, lease_until=None, reason=f"its worker died {MAX_CLAIMS} times")
)
_NEXT = (
    select(_jobs)
    .where(_OF_KIND, _DUE)
    .order_by(_jobs.c.created_at, _jobs.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_ANY_DUE = select(exists().where(_OF_KIND, _DUE))
_CLAIM = (
    update(_jobs)
    .where(_jobs.c.id == bindparam("job_id"))
    .values({name: bindparam(name) for name in ("state", "owner", "lease_until", "fence", "attempts")})
)
_FRESH = {"state": "queued", "fence": 0, "attempts": 0, "failures": 0, "reason": ""}


def job_id(kind: str, payload: Mapping[str, Any]) -> str:
    """sha256 of kind and payload, so that the same work has the same id."""
    return hashlib.sha256(json.dumps([kind, payload], sort_keys=True).encode()).hexdigest()


def add_job(
    tx: Tx, kind: str, payload: Mapping[str, Any], turn_id: str | None = None, done: str | None = None
) -> str:
    """Queue work and return its id; the same work again changes nothing. `done`: why it needs no worker."""
    new_id = job_id(kind, payload)
    if tx.db.execute(_BY_ID, {"id": new_id}).first() is None:
        new = {"id": new_id, "kind": kind, "payload": dict(payload), "turn_id": turn_id}
        ended = {} if done is None else {"state": "done", "reason": done}
        tx.db.execute(_INSERT, _FRESH | new | ended | {"created_at": tx.now, "run_after": tx.now})
    return new_id


def claim_job(tx: Tx, kind: str, owner: str, lease_seconds: float) -> Job | None:
    """Take the oldest job of this kind that is due, or whose holder's lease ran out; None when none is."""
    now = {"of_kind": kind, "now": tx.now}
    tx.db.execute(_GIVE_UP, now)
    row = tx.db.execute(_NEXT, now).first()
    if row is None:
        return None
    claimed = Job(row.id, row.kind, row.payload, row.fence + 1, row.attempts + 1)
    held = {"owner": owner, "lease_until": tx.now + lease_seconds, "fence": claimed.fence}
    tx.db.execute(_CLAIM, {"job_id": row.id, "state": "running", "attempts": claimed.attempts, **held})
    return claimed


def job_due(tx: Tx, kind: str) -> bool:
    """Whether `claim_job` would find one: asked on a read, so that idle loops write nothing."""
    return bool(tx.db.execute(_ANY_DUE, {"of_kind": kind, "now": tx.now}).scalar())


def count_open(tx: Tx, kind: str) -> int:
    """How many jobs of this kind are due now or being worked on."""
    due = (_jobs.c.state == "queued") & (_jobs.c.run_after <= tx.now)
    held = (_jobs.c.state == "running") & (_jobs.c.lease_until >= tx.now)
    return tx.db.execute(select(func.count()).where(_jobs.c.kind == kind, or_(due, held))).scalar_one()


def heartbeat_job(tx: Tx, job: Job, lease_seconds: float) -> None:
    """Keep a job for longer. Raises StaleFence when it was lost."""
    _held(tx, job)
    tx.db.execute(update(_jobs).where(_jobs.c.id == job.id).values(lease_until=tx.now + lease_seconds))


def release_job(tx: Tx, job: Job, reason: str = "") -> None:
    """Give a job back unharmed: it is not its fault (the program stops), or, with a reason, may not be.

    With a reason others come first, the longer the older the job is: it waits as long again as it has waited,
    a minute at least and an hour at most. Raises StaleFence when it was lost.
    """
    age = tx.now - _held(tx, job).created_at
    wait = min(LONGEST_RETRY_SECONDS, max(SHORTEST_RETRY_SECONDS, age)) if reason else 0.0
    given_back = {"state": "queued", "owner": None, "lease_until": None, "attempts": job.attempts - 1}
    tx.db.execute(
        update(_jobs).where(_jobs.c.id == job.id).values(**given_back, run_after=tx.now + wait, reason=reason)
    )


def fail_job(tx: Tx, job: Job, reason: str, retry_seconds: float) -> None:
    """Try again after `retry_seconds`, or give up after MAX_FAILURES. Raises StaleFence when it was lost."""
    failures = _held(tx, job).failures + 1
    given_up = failures >= MAX_FAILURES
    tx.db.execute(
        update(_jobs)
        .where(_jobs.c.id == job.id)
        .values(
            state="failed" if given_up else "queued",
            failures=failures,
            owner=None,
            lease_until=None,
            run_after=tx.now + retry_seconds,
            reason=reason,
        )
    )


def finish_edit_job(
    tx: Tx,
    job: Job,
    edits: Sequence[tuple[SelfEdit, Sequence[Mapping[str, Any]]]],
    note: str = "",
) -> None:
    """Store the self-edits with the verdicts on their examples, and end the job.

    An edit that is there already (same id) is left as it is. `note` says why there are none. Raises
    StaleFence, with nothing changed, when the job was lost; finishing twice under one fence is no error.
    """
    row = tx.db.execute(_BY_ID, {"id": job.id}).first()
    if row is not None and row.state == "done" and row.fence == job.fence:
        return
    _held(tx, job)
    for position, (edit, verdicts) in enumerate(edits):
        edit_rows.add_edit(tx, edit, position, verdicts)
    tx.db.execute(
        update(_jobs)
        .where(_jobs.c.id == job.id)
        .values(state="done", owner=None, lease_until=None, reason=note)
    )


def _held(tx: Tx, job: Job) -> Row[Any]:
    row = tx.db.execute(_BY_ID, {"id": job.id}).first()
    if row is None or row.state != "running" or row.fence != job.fence:
        now = "gone" if row is None else f"{row.state} under fence {row.fence}"
        raise StaleFence(f"Job {job.id[:12]} was held under fence {job.fence} and is now {now}.")
    return row
