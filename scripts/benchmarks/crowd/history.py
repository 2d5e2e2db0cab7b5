"""How long a decision takes after so many turns of one rollout in a real ledger."""

from __future__ import annotations

import asyncio
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import text

from server.ledger import Ledger
from server.ledger.types import Tx
from server.rollout.gather import Gather, evidence
from server.rollout.rule import decide
from server.rollout.types import RolloutPolicy
from server.types import BASE_VERSION, Rollout

POLICY = RolloutPolicy(mode="evidence")
_TURNS = """
INSERT INTO turns (id, created_at, user_id, key_name, operator, conversation, messages, answer, version, arm,
                   rollout, state, reason, request_hash, chance)
WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :end)
SELECT 'turn-' || i, i, 'u' || (i * 7919 % 5000), '', 0, 'c' || (i / 3), '[["user", "Hello"]]', 'Hi.',
       'v0', CASE WHEN i * 7919 % 5000 < 1000 THEN 'canary' ELSE 'stable' END, :rollout,
       CASE WHEN i % 50 = 0 THEN 'failed' ELSE 'not_learned' END, '', '', 0.2 FROM n
"""


def measure(turns: int, rounds: int = 50) -> dict[str, Any]:
    """Fill a ledger, count all but the last turns, then decide again and again as new turns come in."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger.open(Path(folder))
        try:
            return asyncio.run(_measure(ledger, turns, rounds))
        finally:
            ledger.close()


def _more(values: dict[str, Any], tx: Tx) -> None:
    tx.db.execute(text(_TURNS), values)


async def _measure(ledger: Ledger, turns: int, rounds: int) -> dict[str, Any]:
    rollout = Rollout("r", BASE_VERSION, "salt", 0.2, "canary", 0.0)
    ledger.write(lambda tx: _begin(tx, turns))
    gather = Gather(ledger, POLICY)
    began, counted = time.perf_counter(), 0
    while counted < 10_000:  # so many are counted as in a server, the rest by the same counts at once
        await gather.step(rollout)
        counted += 500
    a_turn = (time.perf_counter() - began) / counted
    ledger.write(lambda tx: tx.db.execute(text("UPDATE rollout_evidence SET turn_mark = :n"), {"n": turns}))
    took = []
    for n in range(rounds):
        more = {"first": turns + n, "end": turns + n + 1, "rollout": rollout.id}
        ledger.write(partial(_more, more))
        begin = time.perf_counter()
        decide(POLICY, evidence(POLICY, rollout, await gather.step(rollout)))
        took.append(1000 * (time.perf_counter() - begin))
    begin = time.perf_counter()
    counts = ledger.rollout_counts(rollout.id)
    took.sort()
    return {
        "turns": turns,
        "canary turns counted": counts.canary_turns,
        "count a turn and decide, median ms": round(took[rounds // 2], 2),
        "slowest ms": round(took[-1], 2),
        "counting ms a turn": round(1000 * a_turn, 3),
        "rollout_counts ms": round(1000 * (time.perf_counter() - begin), 2),
    }


def _begin(tx: Tx, turns: int) -> None:
    tx.db.execute(
        text(
            "INSERT INTO versions (name, number, digest, parent, created_at, gate) "
            "VALUES ('v0', 0, '', '', 0, '{}')"
        )
    )
    tx.db.execute(
        text(
            "INSERT INTO rollouts (id, version, salt, weight, state, started_at, reason) "
            "VALUES ('r', 'v0', 'salt', 0.2, 'canary', 0, '')"
        )
    )
    tx.db.execute(
        text(
            "INSERT INTO rollout_evidence (rollout, number, turn_mark, feedback_mark, canary_turns, "
            "failed_turns, objectors, splits, state) VALUES ('r', 1, 0, 0, 0, 0, 0, '{}', '{}')"
        )
    )
    tx.db.execute(text(_TURNS), {"first": 0, "end": turns, "rollout": "r"})
