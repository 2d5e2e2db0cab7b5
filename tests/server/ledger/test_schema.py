from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine.url import make_url
from sqlalchemy.schema import CreateIndex, CreateTable

from server.ledger import Ledger
from server.ledger.migrate import config, upgrade
from server.ledger.schema import REVISION, metadata


def test_the_migrations_add_up_to_the_tables(tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISION
    engine.dispose()


def test_the_revision_that_the_code_expects_is_the_last_one() -> None:
    assert ScriptDirectory.from_config(config()).get_current_head() == REVISION


def test_the_first_migration_can_be_taken_back() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection)
        command.downgrade(config(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_the_tables_can_be_written_in_postgresqls_words() -> None:
    """Only that the statements compile: no PostgreSQL server runs in this suite."""
    dialect = make_url("postgresql://").get_dialect()()
    for table in metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=dialect))
        for index in table.indexes:
            assert "CREATE INDEX" in str(CreateIndex(index).compile(dialect=dialect))
