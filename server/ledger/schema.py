"""The tables. Types and constraints hold on SQLite and on PostgreSQL; times are seconds since the epoch.

A change here needs a migration beside it (migrations/versions); a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

REVISION = "0006"
"""The migration that these tables stand for."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
_Json = JSON(none_as_null=True)

turns = Table(
    "turns",
    metadata,
    Column("id", String, primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("user_id", String, nullable=False),
    Column("key_name", String, nullable=False),
    Column("operator", Boolean, nullable=False),
    Column("conversation", String, nullable=False),
    Column("messages", _Json, nullable=False),
    Column("answer", Text, nullable=False),
    Column("version", String, nullable=False),
    Column("arm", String, nullable=False),
    Column("rollout", String),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("request_hash", String, nullable=False),
    Column("chance", Double, nullable=False, server_default="0"),  # of being on the canary; 0: not drawn
    Column("first_token_seconds", Double),
    Index(None, "request_hash", "created_at"),
    Index(None, "created_at"),
    Index(None, "rollout"),
    Index(None, "user_id", "created_at"),
    Index(None, "conversation", "created_at"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("payload", _Json, nullable=False),
    Column("turn_id", String, ForeignKey("turns.id")),
    Column("state", String, nullable=False),  # queued, running, done, failed
    Column("created_at", Double, nullable=False),
    Column("run_after", Double, nullable=False),
    Column("lease_until", Double),
    Column("owner", String),
    Column("fence", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "kind", "state", "created_at"),
    Index(None, "turn_id"),
)

edits = Table(
    "edits",
    metadata,
    Column("id", String, primary_key=True),
    Column("turn_id", String, ForeignKey("turns.id"), nullable=False),
    Column("kind", String, nullable=False),  # fact, preference
    Column("position", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("user_id", String, nullable=False),
    Column("statement", Text, nullable=False),
    Column("span_start", Integer, nullable=False),
    Column("span_end", Integer, nullable=False),
    Column("value", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("version", String),
    Column("attempts", Integer, nullable=False),
    Column("deaths", Integer, nullable=False),
    Column("update_id", String, ForeignKey("updates.id")),  # who holds it while CLAIMED
    Index(None, "turn_id"),
    Index(None, "state", "created_at"),
    Index(None, "created_at"),
    Index(None, "update_id"),
    Index(None, "user_id", "created_at"),
)

fragments = Table(
    "fragments",
    metadata,
    # a keyed hash of what the edit holds: a rare fragment, a word, its subject, or all it means
    Column("fragment", String, primary_key=True),
    Column("edit_id", String, ForeignKey("edits.id"), primary_key=True),
    Column("user_id", String, nullable=False),
    Column("at", Double, nullable=False),
    Index(None, "edit_id"),
)

examples = Table(
    "examples",
    metadata,
    Column("edit_id", String, ForeignKey("edits.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("completion", Text, nullable=False),
    Column("held_out", Boolean, nullable=False),
    Column("context", _Json, nullable=False),  # [[role, content]]: what was said before the prompt
    Column("relevance", Double),  # 1 to 5; null: not graded
    Column("accuracy", Double),
    Column("style", Double),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("edit_id", String, ForeignKey("edits.id"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("judged_at", Double, nullable=False),
    Column("verdict", _Json, nullable=False),
)

updates = Table(
    "updates",
    metadata,
    Column("id", String, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),  # also the fence of its claim
    Column("kind", String, nullable=False),  # learn, preference, consolidate, examine
    Column("state", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("lease_until", Double, nullable=False),
    Column("version", String),
    Column("reason", Text, nullable=False),
    Column("edits", Integer, nullable=False),
    Column("report", _Json),  # what the gate counted of a candidate that it refused
)

deltas = Table(
    "deltas",
    metadata,
    Column("id", String, primary_key=True),
    Column("created_at", Double, nullable=False),
    Column("update_id", String, ForeignKey("updates.id")),
    Column("erased_at", Double),  # its bytes are gone for good, or going
)

delta_edits = Table(
    "delta_edits",
    metadata,
    Column("delta_id", String, ForeignKey("deltas.id"), primary_key=True),
    Column("edit_id", String, ForeignKey("edits.id"), primary_key=True),
    Index(None, "edit_id"),
)

versions = Table(
    "versions",
    metadata,
    Column("name", String, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("digest", String, nullable=False),
    Column("parent", String, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("gate", _Json, nullable=False),
    Column("erased_at", Double),  # one of its deltas is erased: it can never be served again
)

version_deltas = Table(
    "version_deltas",
    metadata,
    Column("version", String, ForeignKey("versions.name"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("delta_id", String, ForeignKey("deltas.id"), nullable=False),
    Index(None, "delta_id"),
)

refs = Table(
    "refs",
    metadata,
    Column("name", String, primary_key=True),
    Column("version", String),
    Column("moved_at", Double, nullable=False),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", String, ForeignKey("versions.name"), nullable=False),
    Column("salt", String, nullable=False),
    Column("weight", Double, nullable=False),
    Column("state", String, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("reason", Text, nullable=False),
    Column("step_at", Double, nullable=False, server_default="0"),
    Column("coin", Double, nullable=False, server_default="0"),
    Column("resumes", String),  # what a held one goes on as
)

rollout_units = Table(
    "rollout_units",
    metadata,
    Column("rollout", String, ForeignKey("rollouts.id"), primary_key=True),
    Column("metric", String, primary_key=True),
    Column("unit", String, primary_key=True),  # a hash salted with the rollout's salt
    Column("weight", Double, nullable=False),  # at which it was last counted; 1: on the canary
)

rollout_evidence = Table(
    "rollout_evidence",
    metadata,
    Column("rollout", String, ForeignKey("rollouts.id"), primary_key=True),
    Column("number", Integer, nullable=False),  # grows with each change: the fence of whoever counts
    Column("turn_mark", Integer, nullable=False),  # rows up to here are counted
    Column("feedback_mark", Integer, nullable=False),
    Column("canary_turns", Integer, nullable=False),
    Column("failed_turns", Integer, nullable=False),
    Column("objectors", Integer, nullable=False),
    Column("splits", _Json, nullable=False),
    Column("state", _Json, nullable=False),
)

rollout_decisions = Table(
    "rollout_decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rollout", String, ForeignKey("rollouts.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("action", String, nullable=False),
    Column("cause", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("code", String, nullable=False),
    Column("policy", _Json, nullable=False),
    Column("evidence", _Json, nullable=False),
    Index(None, "rollout"),
    sqlite_autoincrement=True,
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", String, primary_key=True),
    Column("turn_id", String, ForeignKey("turns.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("user_id", String, nullable=False),
    Column("metric_name", String, nullable=False),
    Column("value", JSON, nullable=False),
    Column("negative", Boolean, nullable=False),
    Column("comment", Text, nullable=False),
    Column("demonstration", Text, nullable=False),
    Index(None, "turn_id"),
)

signals = Table(
    "signals",
    metadata,
    # what a later turn showed of a turn's answer: see server.ledger.shown
    Column("turn_id", String, ForeignKey("turns.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("at", Double, nullable=False),
    Column("shown_by", String, ForeignKey("turns.id"), nullable=False),
    Index(None, "shown_by"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("before", String),
    Column("after", String),
    Column("reason", Text, nullable=False),
    Column("evidence", _Json, nullable=False),
    Column("salt", String, nullable=False, server_default=""),  # the key of `sealed`; new when words are cut
    Column(
        "sealed", String, nullable=False, server_default=""
    ),  # stands for reason and evidence in the chain
    Column("hash", String, nullable=False, server_default=""),
    Index(None, "action", "subject"),
    sqlite_autoincrement=True,
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", _Json, nullable=False),
    sqlite_autoincrement=True,  # an id is never used again, so a watcher's place stays right
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("lease_until", Double, nullable=False),
)

key_values = Table(
    "key_values",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", JSON, nullable=False),
)
