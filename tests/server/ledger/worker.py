"""What test_kills runs and kills: worker.py SOURCE TASK HOME NAME. It acknowledges on stdout."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from server.ledger import Ledger, StaleFence
from server.types import UpdateState
from tests.support.rows import make_turn, make_version


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def turns(ledger: Ledger, name: str) -> None:
    """Four clients add turns for ever, each acknowledged after its commit."""

    async def client(number: int) -> None:
        for count in range(1_000_000):
            turn_id = f"{name}-{number}-{count}"
            await ledger.call(ledger.add_turn, make_turn(turn_id), True)
            say(turn_id)

    async def all_clients() -> None:
        await asyncio.gather(*(client(number) for number in range(4)))

    asyncio.run(all_clients())


def learn(ledger: Ledger, name: str) -> None:
    """Trains two edits at a time for ever, under leases that run out quickly."""
    say("ready")
    while True:
        claim = ledger.claim_edits(name, 0.2, 2)
        if claim is None:
            time.sleep(0.01)
            continue
        time.sleep(0.02)
        version = ledger.next_version_name()
        before = ledger.versions()[-1].deltas if ledger.versions() else ()
        row = make_version(version, (*before, f"delta of {claim.update_id}"))
        learned = [edit.id for edit in claim.edits]
        try:
            ledger.finish_update(claim, UpdateState.ACCEPTED, "trained", row, learned=learned)
        except StaleFence:
            continue


def slow(ledger: Ledger, name: str) -> None:
    """Claims under a short lease, waits until it has lost the claim, and tries to finish."""
    claim = ledger.claim_edits(name, 0.3, 8)
    assert claim is not None
    say("claimed")
    while ledger.updates(1)[0].id == claim.update_id:
        time.sleep(0.01)
    learned = [edit.id for edit in claim.edits]
    try:
        ledger.finish_update(claim, UpdateState.ACCEPTED, "late", make_version("v9", ("d",)), learned=learned)
    except StaleFence:
        say("StaleFence")
    ledger.close()


if __name__ == "__main__":
    task = {"turns": turns, "learn": learn, "slow": slow}[sys.argv[2]]
    task(Ledger.open(Path(sys.argv[3])), sys.argv[4])
