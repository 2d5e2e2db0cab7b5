"""JSON values under names, that every process of a home sees."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, delete, insert, select, update

from server.ledger import schema
from server.ledger.types import Tx

_values = schema.key_values


def value(tx: Tx, key: str) -> Any:
    """A stored JSON value, None when there is none."""
    return tx.db.execute(select(_values.c.value).where(_values.c.key == key)).scalar()


def put(tx: Tx, key: str, new: Any) -> None:
    """Store a JSON value; writes nothing when it is there already."""
    row = tx.db.execute(select(_values.c.value).where(_values.c.key == key)).first()
    if row is None:
        tx.db.execute(insert(_values).values(key=key, value=new))
    elif row.value != new:
        tx.db.execute(update(_values).where(_values.c.key == key).values(value=new))


def remove(tx: Tx, key: str) -> None:
    """Forget a value. Missing is no error."""
    tx.db.execute(delete(_values).where(_values.c.key == key))


def under(prefix: str) -> ColumnElement[bool]:
    """The keys that begin with a prefix, as a range: LIKE would read the whole table."""
    return and_(_values.c.key >= prefix, _values.c.key < prefix[:-1] + chr(ord(prefix[-1]) + 1))
