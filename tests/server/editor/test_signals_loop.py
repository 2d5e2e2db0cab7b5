"""The loop that reads implicit feedback off the turns."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from server.editor.signals_loop import SignalsLoop
from server.ledger import Ledger
from tests.support.rows import make_turn


async def test_new_turns_are_looked_at_once_and_an_idle_loop_says_so(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    counted: Counter[str] = Counter()
    loop = SignalsLoop(ledger, counted.update)
    assert not await loop.step()
    for number in range(3):
        ledger.add_turn(make_turn(f"t{number}", created_at=float(number)), False)
    assert await loop.step()
    assert not await loop.step()
    assert counted == {"regenerated": 2}
    assert [event.subject for event in ledger.events_since() if event.kind == "signal"] == ["t0", "t1"]
    ledger.close()
