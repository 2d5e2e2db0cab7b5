"""The audit becomes a chain: each row's hash holds the one before, words are in it only as keyed hashes.

Rows that are there already are chained as they stand, in the order of their ids: what happened to them
before is not shown by it. From then on SQLite itself refuses to delete a row, or to change its facts.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TRIGGERS = {
    "audit_kept": "BEFORE DELETE ON audit",
    "audit_unchanged": (
        "BEFORE UPDATE OF id, at, actor, action, subject, before, after, sealed, hash ON audit"
    ),
}


def upgrade() -> None:
    """Add the columns, chain the rows, close the table."""
    for name in ("salt", "sealed", "hash"):
        op.add_column("audit", sa.Column(name, sa.String(), nullable=False, server_default=""))
    from server.ledger.audit_check import chain_all

    chain_all(op.get_bind())
    if op.get_bind().dialect.name == "sqlite":
        for name, when in TRIGGERS.items():
            op.execute(
                f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
            )


def downgrade() -> None:
    """Drop the triggers, the columns and the head record."""
    if op.get_bind().dialect.name == "sqlite":
        for name in TRIGGERS:
            op.execute(f"DROP TRIGGER {name}")
    for name in ("hash", "sealed", "salt"):
        op.drop_column("audit", name)
    op.execute("DELETE FROM key_values WHERE key = 'audit_head'")
