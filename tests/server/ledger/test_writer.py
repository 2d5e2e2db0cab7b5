from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from server.ledger import Ledger, RefMoved, UnknownTurn
from server.ledger.types import Tx
from tests.support.rows import make_turn


def on_disk(ledger: Ledger) -> set[str]:
    """Ids of committed turns, read by a connection that the ledger knows nothing of."""
    raw = sqlite3.connect(f"file:{ledger.path}?mode=ro", uri=True)
    found = {row[0] for row in raw.execute("SELECT id FROM turns")}
    raw.close()
    return found


async def test_calls_that_wait_together_share_a_commit(ledger: Ledger) -> None:
    moments: list[float] = []

    def note(number: int) -> None:
        ledger.write(lambda tx: moments.append(id(tx)))
        ledger.add_turn(make_turn(f"t{number}"), True)

    gate = threading.Event()
    blocker = asyncio.ensure_future(ledger.call(gate.wait))
    await asyncio.sleep(0.05)
    calls = [asyncio.ensure_future(ledger.call(note, number)) for number in range(40)]
    await asyncio.sleep(0.05)
    assert on_disk(ledger) == set()
    gate.set()
    await asyncio.gather(blocker, *calls)
    assert on_disk(ledger) == {f"t{number}" for number in range(40)}
    assert len(set(moments)) == 1, "one transaction for all that waited"


async def test_a_call_that_fails_takes_back_only_its_own_effects(ledger: Ledger) -> None:
    def half_done() -> None:
        ledger.add_turn(make_turn("bad"), True)
        ledger.move_ref("stable", "v7", "v8", "test", "nobody is there")

    results = await asyncio.gather(
        ledger.call(ledger.add_turn, make_turn("t1"), True),
        ledger.call(half_done),
        ledger.call(ledger.add_turn, make_turn("t2"), True),
        return_exceptions=True,
    )
    assert isinstance(results[1], RefMoved)
    assert on_disk(ledger) == {"t1", "t2"}
    assert ledger.counts()["jobs"] == {"queued": 2}


async def test_a_call_is_on_disk_when_it_is_answered(ledger: Ledger) -> None:
    for number in range(20):
        await ledger.call(ledger.add_turn, make_turn(f"t{number}"), True)
        assert f"t{number}" in on_disk(ledger)


def test_methods_called_within_a_write_are_one_transaction_with_it(ledger: Ledger) -> None:
    def two(tx: Tx) -> None:
        ledger.add_turn(make_turn("t1"), True)
        assert ledger.turn("t1").id == "t1", "reads within see what was written"
        raise RuntimeError("after the first half")

    with pytest.raises(RuntimeError):
        ledger.write(two)
    with pytest.raises(UnknownTurn, match="'t1'"):
        ledger.turn("t1")


def test_many_threads_write_at_once(ledger: Ledger) -> None:
    def write(worker: int) -> None:
        for number in range(25):
            ledger.add_turn(make_turn(f"t{worker}-{number}"), True)

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(on_disk(ledger)) == 150
    assert ledger.counts()["jobs"] == {"queued": 150}


async def test_a_call_cancelled_before_its_turn_is_not_made(ledger: Ledger) -> None:
    gate = threading.Event()
    blocker = asyncio.ensure_future(ledger.call(gate.wait))
    await asyncio.sleep(0.05)
    call = asyncio.ensure_future(ledger.call(ledger.add_turn, make_turn("t1"), True))
    await asyncio.sleep(0.05)
    call.cancel()
    await asyncio.sleep(0)
    gate.set()
    await blocker
    ledger.write(lambda tx: None)
    assert on_disk(ledger) == set()


def test_what_cannot_be_stored_as_text_fails_alone_and_the_writer_lives(ledger: Ledger) -> None:
    with pytest.raises(UnicodeEncodeError):
        ledger.add_turn(make_turn("t1", answer="half a pair: \ud800"), True)
    ledger.add_turn(make_turn("t2"), True)
    assert on_disk(ledger) == {"t2"}
