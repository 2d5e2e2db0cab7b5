"""Who has stated what: fragments of edits as keyed hashes, and indices to find a user's turns and edits.

Edits that are there already are indexed with the words of the release that runs this, in the same
transaction: about a millisecond each.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and fill it."""
    op.create_table(
        "fragments",
        sa.Column("fragment", sa.String(), nullable=False),
        sa.Column("edit_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["edit_id"], ["edits.id"], name=op.f("fk_fragments_edit_id")),
        sa.PrimaryKeyConstraint("fragment", "edit_id", name=op.f("pk_fragments")),
    )
    op.create_index(op.f("ix_fragments_edit_id"), "fragments", ["edit_id"], unique=False)
    op.create_index(op.f("ix_turns_user_id_created_at"), "turns", ["user_id", "created_at"], unique=False)
    op.create_index(op.f("ix_edits_user_id_created_at"), "edits", ["user_id", "created_at"], unique=False)
    op.create_index(op.f("ix_edits_created_at"), "edits", ["created_at"], unique=False)
    # its words load only where there is something to index
    from server.ledger.fragments import index_all

    index_all(op.get_bind())


def downgrade() -> None:
    """Drop the table and the indices."""
    op.drop_index(op.f("ix_edits_created_at"), table_name="edits")
    op.drop_index(op.f("ix_edits_user_id_created_at"), table_name="edits")
    op.drop_index(op.f("ix_turns_user_id_created_at"), table_name="turns")
    op.drop_index(op.f("ix_fragments_edit_id"), table_name="fragments")
    op.drop_table("fragments")
