"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("before", sa.String(), nullable=True),
        sa.Column("after", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_audit_action_subject"), "audit", ["action", "subject"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "key_values",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_key_values")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "refs",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("moved_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_refs")),
    )
    op.create_table(
        "turns",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("key_name", sa.String(), nullable=False),
        sa.Column("operator", sa.Boolean(), nullable=False),
        sa.Column("conversation", sa.String(), nullable=False),
        sa.Column("messages", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("arm", sa.String(), nullable=False),
        sa.Column("rollout", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
    )
    op.create_index(op.f("ix_turns_created_at"), "turns", ["created_at"], unique=False)
    op.create_index(
        op.f("ix_turns_request_hash_created_at"), "turns", ["request_hash", "created_at"], unique=False
    )
    op.create_index(op.f("ix_turns_rollout"), "turns", ["rollout"], unique=False)
    op.create_table(
        "updates",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("edits", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_updates")),
        sa.UniqueConstraint("number", name=op.f("uq_updates_number")),
    )
    op.create_table(
        "versions",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("parent", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("gate", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("erased_at", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_versions")),
        sa.UniqueConstraint("number", name=op.f("uq_versions_number")),
    )
    op.create_table(
        "deltas",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("update_id", sa.String(), nullable=True),
        sa.Column("erased_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["update_id"], ["updates.id"], name=op.f("fk_deltas_update_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deltas")),
    )
    op.create_table(
        "edits",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("span_start", sa.Integer(), nullable=False),
        sa.Column("span_end", sa.Integer(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False),
        sa.Column("update_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_edits_turn_id")),
        sa.ForeignKeyConstraint(["update_id"], ["updates.id"], name=op.f("fk_edits_update_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edits")),
    )
    op.create_index(op.f("ix_edits_state_created_at"), "edits", ["state", "created_at"], unique=False)
    op.create_index(op.f("ix_edits_turn_id"), "edits", ["turn_id"], unique=False)
    op.create_index(op.f("ix_edits_update_id"), "edits", ["update_id"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("metric_name", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("negative", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("demonstration", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_feedback_turn_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_turn_id"), "feedback", ["turn_id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("turn_id", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("run_after", sa.Double(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_jobs_turn_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(
        op.f("ix_jobs_kind_state_created_at"), "jobs", ["kind", "state", "created_at"], unique=False
    )
    op.create_index(op.f("ix_jobs_turn_id"), "jobs", ["turn_id"], unique=False)
    op.create_table(
        "rollouts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("salt", sa.String(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["versions.name"], name=op.f("fk_rollouts_version")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollouts")),
    )
    op.create_table(
        "delta_edits",
        sa.Column("delta_id", sa.String(), nullable=False),
        sa.Column("edit_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delta_id"], ["deltas.id"], name=op.f("fk_delta_edits_delta_id")),
        sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], name=op.f("fk_delta_edits_edit_id")),
        sa.PrimaryKeyConstraint("delta_id", "edit_id", name=op.f("pk_delta_edits")),
    )
    op.create_index(op.f("ix_delta_edits_edit_id"), "delta_edits", ["edit_id"], unique=False)
    op.create_table(
        "examples",
        sa.Column("edit_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("completion", sa.Text(), nullable=False),
        sa.Column("held_out", sa.Boolean(), nullable=False),
        sa.Column("context", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("relevance", sa.Double(), nullable=True),
        sa.Column("accuracy", sa.Double(), nullable=True),
        sa.Column("style", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], name=op.f("fk_examples_edit_id")),
        sa.PrimaryKeyConstraint("edit_id", "position", name=op.f("pk_examples")),
    )
    op.create_table(
        "verdicts",
        sa.Column("edit_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("judged_at", sa.Double(), nullable=False),
        sa.Column("verdict", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], name=op.f("fk_verdicts_edit_id")),
        sa.PrimaryKeyConstraint("edit_id", "position", name=op.f("pk_verdicts")),
    )
    op.create_table(
        "version_deltas",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("delta_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["delta_id"], ["deltas.id"], name=op.f("fk_version_deltas_delta_id")),
        sa.ForeignKeyConstraint(["version"], ["versions.name"], name=op.f("fk_version_deltas_version")),
        sa.PrimaryKeyConstraint("version", "position", name=op.f("pk_version_deltas")),
    )
    op.create_index(op.f("ix_version_deltas_delta_id"), "version_deltas", ["delta_id"], unique=False)


def downgrade() -> None:
    """Drop all tables."""
    op.drop_index(op.f("ix_version_deltas_delta_id"), table_name="version_deltas")
    op.drop_table("version_deltas")
    op.drop_table("verdicts")
    op.drop_table("examples")
    op.drop_index(op.f("ix_delta_edits_edit_id"), table_name="delta_edits")
    op.drop_table("delta_edits")
    op.drop_table("rollouts")
    op.drop_index(op.f("ix_jobs_turn_id"), table_name="jobs")
    op.drop_index(op.f("ix_jobs_kind_state_created_at"), table_name="jobs")
    op.drop_table("jobs")
    op.drop_index(op.f("ix_feedback_turn_id"), table_name="feedback")
    op.drop_table("feedback")
    op.drop_index(op.f("ix_edits_update_id"), table_name="edits")
    op.drop_index(op.f("ix_edits_turn_id"), table_name="edits")
    op.drop_index(op.f("ix_edits_state_created_at"), table_name="edits")
    op.drop_table("edits")
    op.drop_table("deltas")
    op.drop_table("versions")
    op.drop_table("updates")
    op.drop_index(op.f("ix_turns_rollout"), table_name="turns")
    op.drop_index(op.f("ix_turns_request_hash_created_at"), table_name="turns")
    op.drop_index(op.f("ix_turns_created_at"), table_name="turns")
    op.drop_table("turns")
    op.drop_table("refs")
    op.drop_table("leases")
    op.drop_table("key_values")
    op.drop_table("events")
    op.drop_index(op.f("ix_audit_action_subject"), table_name="audit")
    op.drop_table("audit")
