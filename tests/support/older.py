"""A ledger's file as an earlier release left it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from server.ledger.migrate import config


def taken_back(path: Path, revision: str) -> None:
    """Undo the migrations of a closed ledger down to `revision`."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        command.downgrade(config(connection), revision)
    engine.dispose()
