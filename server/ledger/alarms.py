"""Which alarms watchers were told of, so that each is told once when it begins and once when it is over."""

from __future__ import annotations

from collections.abc import Collection

from server.ledger import audit, key_values
from server.ledger.types import Tx

_TOLD = "alarms_told"


def alarms_told(tx: Tx) -> list[str]:
    """The alarms that watchers were told of and that are not over."""
    return list(key_values.value(tx, _TOLD) or ())


def tell_alarms(tx: Tx, now: Collection[str]) -> None:
    """Tell watchers which alarms began and which are over since they were last told."""
    before = alarms_told(tx)
    for state, texts in (("raised", sorted({*now} - {*before})), ("cleared", sorted({*before} - {*now}))):
        for text in texts:
            audit.emit(tx, "alarm", state, text[:500])
    key_values.put(tx, _TOLD, sorted(now))
