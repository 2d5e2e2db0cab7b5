"""What rollouts decide by: chances of turns, units counted once, evidence, decisions with inputs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables and columns. Rollouts that run go on at their weight."""
    op.add_column("turns", sa.Column("chance", sa.Double(), nullable=False, server_default="0"))
    op.add_column("turns", sa.Column("first_token_seconds", sa.Double()))
    op.add_column("rollouts", sa.Column("step_at", sa.Double(), nullable=False, server_default="0"))
    op.add_column("rollouts", sa.Column("coin", sa.Double(), nullable=False, server_default="0"))
    op.add_column("rollouts", sa.Column("resumes", sa.String()))
    op.execute("UPDATE rollouts SET step_at = started_at")
    op.create_table(
        "rollout_units",
        sa.Column("rollout", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], name=op.f("fk_rollout_units_rollout")),
        sa.PrimaryKeyConstraint("rollout", "metric", "unit", name=op.f("pk_rollout_units")),
    )
    op.create_table(
        "rollout_evidence",
        sa.Column("rollout", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("turn_mark", sa.Integer(), nullable=False),
        sa.Column("feedback_mark", sa.Integer(), nullable=False),
        sa.Column("canary_turns", sa.Integer(), nullable=False),
        sa.Column("failed_turns", sa.Integer(), nullable=False),
        sa.Column("objectors", sa.Integer(), nullable=False),
        sa.Column("splits", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], name=op.f("fk_rollout_evidence_rollout")),
        sa.PrimaryKeyConstraint("rollout", name=op.f("pk_rollout_evidence")),
    )
    op.create_table(
        "rollout_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rollout", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("policy", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=False),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.id"], name=op.f("fk_rollout_decisions_rollout")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rollout_decisions")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_rollout_decisions_rollout"), "rollout_decisions", ["rollout"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_rollout_decisions_rollout"), table_name="rollout_decisions")
    for table in ("rollout_decisions", "rollout_evidence", "rollout_units"):
        op.drop_table(table)
    for table, column in (
        ("rollouts", "resumes"),
        ("rollouts", "coin"),
        ("rollouts", "step_at"),
        ("turns", "first_token_seconds"),
        ("turns", "chance"),
    ):
        op.drop_column(table, column)
