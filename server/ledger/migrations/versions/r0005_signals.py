"""What users show of answers without saying it, a row for turn and kind; and turns by conversation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the index. What was there before is not read again."""
    op.create_table(
        "signals",
        sa.Column("turn_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("shown_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.id"], name=op.f("fk_signals_turn_id")),
        sa.ForeignKeyConstraint(["shown_by"], ["turns.id"], name=op.f("fk_signals_shown_by")),
        sa.PrimaryKeyConstraint("turn_id", "kind", name=op.f("pk_signals")),
    )
    op.create_index(op.f("ix_signals_shown_by"), "signals", ["shown_by"], unique=False)
    op.create_index(
        op.f("ix_turns_conversation_created_at"), "turns", ["conversation", "created_at"], unique=False
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_index(op.f("ix_turns_conversation_created_at"), table_name="turns")
    op.drop_index(op.f("ix_signals_shown_by"), table_name="signals")
    op.drop_table("signals")
