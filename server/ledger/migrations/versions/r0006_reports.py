"""What the gate counted of a candidate that it refused."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column. Of what was refused before, the reason is all there is."""
    op.add_column("updates", sa.Column("report", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("updates", "report")
