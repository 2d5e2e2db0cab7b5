"""Random sequences of moves by two server processes of one home, and what must hold after each move.

Real ledger, real store, real moves. All is drawn from a home's seed, so that one that fails can be lived
again. Weights are known by the hashes of the files that an engine loads, and by what the engine says of
itself (`score`): of the fake one a hash over the same files, of a real one its logits.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapter_store import Store, StoreError, Version
from server.engine.types import Engine
from server.ledger import Ledger, LedgerError
from server.rollout import Fleet, Forget, Moves, NothingToMove, RolloutLoop, RolloutPolicy
from server.types import BASE_VERSION, Refs
from tests.support.served import Served, make_served

POLICY = RolloutPolicy(
    mode="evidence", steps=(0.5, 1.0), dwell_seconds=0, bake_seconds=0, min_conversations=0, replay=False
)
REFUSED = (NothingToMove, LedgerError, StoreError)
"""How a move says that it will not be made."""
USERS = ("ana", "ben", "carla")
ERASED, DAMAGED, UNKNOWN = "v1", "v6", ("v77", "", "stable", "../v2")
JUMPS_SECONDS = (-3e8, -86_400.0, -90.0, -1.0, 30.0, 7_200.0, 3e8)
MakeEngine = Callable[[], Awaitable[Engine]]


@dataclass
class Clock:
    """The machine's time, which may be set forth and back while everything runs."""

    offset_seconds: float = 0.0
    real: Callable[[], float] = field(default=time.time)

    def __call__(self) -> float:
        return self.real() + self.offset_seconds


async def template(home: Path, engine: Engine, shape: tuple[int, int]) -> None:
    """A home with a past: v1 erased, v2 to v4 promoted in turn, v5 waiting, v6 with damaged numbers."""
    world = await make_served(home, engine)
    world.shape = shape
    await world.learn(("Zephyr", 8001, "zoe"))
    await world.forget_whole("zoe")
    for number, (name, user) in enumerate((("Kelso", "ana"), ("Orla", "ben"), ("Brant", "carla")), 8002):
        await world.learn((name, number, user))
    for number, name in enumerate(("Dax", "Mira"), 9001):
        world.tell(name, number)
        world.train()
    assert [row.name for row in world.ledger.versions()] == ["v1", "v2", "v3", "v4", "v5", DAMAGED]
    assert world.ledger.version(ERASED).erased
    assert world.ledger.refs() == Refs("v4", None)
    known = {d for row in world.ledger.versions() if row.name != DAMAGED for d in row.deltas}
    (damaged,) = set(world.ledger.version(DAMAGED).deltas) - known
    _damage(world.store, damaged)
    await engine.close()
    world.ledger.close()


def _damage(store: Store, delta: str) -> None:
    """Turn one bit of the numbers of a delta."""
    store.verify(delta)
    for file in sorted((store.root / "blobs").rglob("*.safetensors")):
        whole = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        try:
            store.verify(delta)
        except StoreError:
            return
        file.write_bytes(whole)
    raise AssertionError("the numbers of the delta were not found")


async def site(home: Path, engine: Engine, clock: Clock, name: str, shape: tuple[int, int]) -> Served:
    """One server process: a connection of its own, its engine, its moves."""
    made = Served(Ledger.open(home, clock), Store(home / "store"), engine)  # type: ignore[arg-type]  # any engine
    made.shape = shape
    made.fleet = Fleet(made.ledger, made.store, engine)
    made.moves = Moves(made.ledger, made.store, engine, made.fleet, POLICY)
    made.loop = RolloutLoop(made.ledger, made.fleet, made.moves, POLICY, name)
    made.forget = Forget(made.ledger, made.store, made.fleet, made.moves)
    await made.fleet.reconcile(made.ledger.refs())
    return made


class Life:
    """Random sequences, one after another, over two processes of a home that was copied from the template."""

    def __init__(
        self, seed: int, home: Path, clock: Clock, make_engine: MakeEngine, shape: tuple[int, int]
    ) -> None:
        self.home = home
        self.log: list[str] = []
        """What was done, and how it ended: for whoever must look into a failure."""
        self._random = random.Random(seed)
        self._clock = clock
        self._make_engine = make_engine
        self._shape = shape
        self._sites: list[Served] = []
        self._seen: dict[str, object] = {}
        """Version → its files' hashes and its engine's score when it was first named."""
        self._told = 0
        self._looked: tuple[Served | None, Refs | None] = None, None
        self._audited = 0
        self._at: dict[str, str | None] = {"stable": BASE_VERSION, "canary": None}
        """Where the audit's moves lead, up to the row of that number."""

    async def run(self, sequences: int, longest: int) -> None:
        """So many sequences, and after each move a look at what must hold.

        Raises AssertionError with the log of what was done.
        """
        try:
            self._sites = [await self._open("a"), await self._open("b")]
            await self._check(self._sites[0])
            for _ in range(sequences):
                for _ in range(self._random.randint(1, longest)):
                    await self._check(await self._step())
                audit = self._sites[0].ledger.verify_audit()
                assert audit.ok, audit.problems
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(self.log)) from error
        finally:
            for one in self._sites:
                await self._close(one)

    async def _open(self, name: str) -> Served:
        return await site(self.home, await self._make_engine(), self._clock, name, self._shape)

    @staticmethod
    async def _close(one: Served) -> None:
        await one.engine.close()
        one.ledger.close()

    async def _step(self) -> Served:
        """A move, or what may happen between moves; the process that looks afterwards."""
        one, other = self._random.sample(self._sites, 2)
        chance = self._random.random()
        if chance < 0.05:
            return await self._restart(self._sites.index(one))
        if chance < 0.15:
            self._clock.offset_seconds += self._random.choice(JUMPS_SECONDS)
            self.log.append(f"the clock stands at {self._clock.offset_seconds:+.0f} s")
        elif chance < 0.20:
            shutil.rmtree(self.home / "store" / "composed", ignore_errors=True)
            self._looked = None, None
            self.log.append("the composed folders are gone")
        elif chance < 0.40:
            await asyncio.gather(self._try(one, *self._draw(one)), self._try(other, *self._draw(other)))
        else:
            before = one.ledger.refs()
            name, move, must_fail = self._draw(one)
            failed = await self._try(one, name, move, must_fail)
            assert not failed or one.ledger.refs() == before, f"{name} was refused and moved refs"
        return self._random.choice(self._sites)

    async def _restart(self, number: int) -> Served:
        await self._close(self._sites[number])
        self._sites[number] = await self._open("ab"[number])
        self.log.append(f"{'ab'[number]} starts again")
        return self._sites[number]

    async def _try(
        self, one: Served, name: str, move: Coroutine[Any, Any, object], must_fail: bool = False
    ) -> bool:
        """Whether the move was refused."""
        try:
            await move
        except REFUSED as refused:
            self.log.append(f"{name}: {type(refused).__name__}: {refused}")
            return True
        self.log.append(name)
        assert not must_fail, f"{name} was not refused"
        return False

    def _draw(self, one: Served) -> tuple[str, Coroutine[Any, Any, object], bool]:
        """A move by name, not begun, and whether it must be refused."""
        rng, moves, ledger = self._random, one.moves, one.ledger
        rows = ledger.versions()
        refused = {row.name for row in rows if row.erased} | {*UNKNOWN}
        name = rng.choice([*(row.name for row in rows), BASE_VERSION, *UNKNOWN])
        damaged = any(row.name == name and self._damaged() in row.deltas for row in rows)
        deltas = sorted({d for row in rows for d in row.deltas})
        delta = rng.choice([*deltas, "f" * 64])
        live, user = ledger.rollout(), rng.choice(USERS)
        doors: list[tuple[float, str, Callable[[], Coroutine[Any, Any, object]], bool]] = [
            (12, "loop", one.loop.step, False),
            (4, "promote", lambda: moves.promote("op", "now"), live is None),
            (1, "abort", lambda: moves.abort("op", "bad"), live is None),
            (1, "revert", lambda: moves.revert("op", "no verdict"), live is None),
            (2, "hold or go on", lambda: moves.hold(rng.random() < 0.5, "op", ""), live is None),
            (1, "weight", lambda: moves.set_weight(rng.random(), "op", ""), live is None),
            (3, "roll back", lambda: moves.rollback(None, "op", "wrong"), False),
            (6, f"roll back to {name!r}", lambda: moves.rollback(name, "op", ""), name in refused or damaged),
            (1, f"revoke {delta[:6]}", lambda: moves.revoke(delta, "op", "wrong"), delta == "f" * 64),
            (1.5, f"tell, learn ({user})", lambda: self._learn(one, user), False),
            (0.3, f"forget {user}", lambda: self._forget(one, user), False),
        ]
        _, told, begin, must_fail = rng.choices(doors, [door[0] for door in doors])[0]
        if told == "roll back to ''":  # no name is the previous stable
            must_fail = False
        return told, begin(), must_fail

    def _damaged(self) -> str:
        return self._sites[0].ledger.version(DAMAGED).deltas[-1]

    async def _learn(self, one: Served, user: str) -> None:
        self._told += 1
        one.tell(f"R{self._told}", 10_000 + self._told, user)
        await asyncio.to_thread(one.train)

    async def _forget(self, one: Served, user: str) -> None:
        await one.forget.erase(user, self._random.random() < 0.5, "op")
        await one.forget.finish()

    async def _check(self, looking: Served) -> None:
        ledger, refs = looking.ledger, looking.ledger.refs()
        self._never_torn(ledger, refs)
        named = {name for name in (refs.stable, refs.canary) if name is not None}
        held = set().union(*(one.engine.loaded() for one in self._sites))
        assert named <= held, f"{named} are named, and only {held} are loaded"
        assert not named & ledger.erased_versions()
        if looking is self._looked[0] and refs == self._looked[1]:  # nothing was loaded since
            return
        self._looked = looking, refs
        await looking.fleet.reconcile(refs)
        assert named <= looking.engine.loaded()
        for name in named:
            found = await looking.moves.proof(name)
            assert self._seen.setdefault(name, found) == found, f"{name} is not what it was"
            if name != BASE_VERSION:
                row = ledger.version(name)
                version = Version(name, looking.engine.base_digest, row.deltas)
                assert looking.store.digest(version) == row.digest

    def _never_torn(self, ledger: Ledger, refs: Refs) -> None:
        """Each ref is where the audit's moves lead, each move began where the last one ended, one canary."""
        for row in reversed(ledger.audit(40 if self._audited else 10_000)):
            if row.id > self._audited and row.action == "move_ref":
                assert row.before == self._at[row.subject], f"{row.subject} was moved by two: {row}"
                self._at[row.subject] = row.after
            self._audited = max(self._audited, row.id)
        assert (refs.stable, refs.canary) == (self._at["stable"], self._at["canary"])
        live = ledger.rollout()
        assert refs.canary == (live.version if live is not None else None)
