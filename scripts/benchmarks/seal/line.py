"""A line of versions that learns passage after passage on the product's own path, without HTTP.

Told sentences become turns of a ledger, `EditorLoop` has the model write self-edits and the guardian judge
them, `Learner` trains and examines deltas, and `Moves` shows each accepted version to everybody: the same
parts as in the server, stepped by hand. Only the canary's wait is left out.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

from adapter_store import Store
from guardian import Guardian
from scripts.benchmarks.seal.data import Passage
from server.editor.loop import EditorLoop
from server.engine.types import Engine
from server.learner.process import Learner
from server.learner.record import LearnerOptions
from server.learner.types import Train
from server.ledger import Ledger
from server.rollout import Fleet, Moves, RolloutPolicy
from server.types import BASE_VERSION, Arm, Message, Turn, TurnState, Update

USER = "reader"


@dataclass(frozen=True, slots=True)
class School:
    """What all lines share. `options` hold the profile, so an ablation is another school."""

    engine: Engine
    guardian: Guardian
    train: Train
    options: LearnerOptions


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of telling one passage."""

    version: str
    """What is served after it."""
    sentences: int
    edits: dict[str, int] = field(default_factory=dict)
    """Self-edits of this passage by where they ended: trained, memory_only, quarantined, blocked."""
    updates: tuple[str, ...] = ()
    """How each update ended, with its reason where it was not accepted."""
    writing_seconds: float = 0.0
    training_seconds: float = 0.0


class Line:
    """One home, one line of versions. Made by `opened`."""

    def __init__(self, home: Path, school: School) -> None:
        self._school = school
        self._ledger = Ledger.open(home)
        store = Store(home / "store")
        self._fleet = Fleet(self._ledger, store, school.engine, keep_loaded=0)
        self._moves = Moves(self._ledger, store, school.engine, self._fleet, RolloutPolicy(weight=1.0))
        self._editor = EditorLoop(self._ledger, school.engine, school.guardian, retry_seconds=0)
        self._learner = Learner(self._ledger, store, school.options, school.train)

    @property
    def version(self) -> str:
        """What is served now; it is loaded."""
        return self._ledger.refs().stable

    async def learn(self, passage: Passage) -> Learned:
        """Tell a passage, sentence by sentence, and wait until its learning has come to an end.

        The editor reads remarks: a paragraph of more than some hundred characters counts as pasted, not as
        told. Raises RuntimeError when sentences could not be written down, for their score would mean
        nothing.
        """
        began = time.monotonic()
        turns = [self._turn(passage, number, said) for number, said in enumerate(passage.sentences)]
        for turn in turns:
            self._ledger.add_turn(turn, True)
        while await self._editor.step():
            pass
        self._all_written()
        written = time.monotonic()
        updates = [update async for update in self._updates()]
        edits = Counter(edit.state.value for turn in turns for edit in self._ledger.edits(turn.id))
        return Learned(
            version=self.version,
            sentences=len(turns),
            edits=dict(edits),
            updates=tuple(f"{u.state.value}: {u.reason}" for u in updates),
            writing_seconds=round(written - began, 1),
            training_seconds=round(time.monotonic() - written, 1),
        )

    async def _updates(self) -> AsyncIterator[Update]:
        """Run updates until none is left to run; each accepted version is served before the next begins."""
        while (update := await asyncio.to_thread(self._learner.step)) is not None:
            for version in self._ledger.versions_waiting():
                await self._moves.start(version)
                await self._moves.promote("benchmark", "a benchmark has no users to watch")
            await self._fleet.reconcile(self._ledger.refs())
            yield update

    def _all_written(self) -> None:
        jobs = self._ledger.counts()["jobs"]
        if unfinished := {state: count for state, count in jobs.items() if state != "done"}:
            alarms = "; ".join(self._editor.alarms()) or "the editor failed, see its log lines above"
            raise RuntimeError(f"sentences could not be written down as self-edits ({unfinished}): {alarms}")

    def _turn(self, passage: Passage, number: int, said: str) -> Turn:
        ident = hashlib.sha256(f"{passage.id}\x00{number}\x00{said}".encode()).hexdigest()[:16]
        return Turn(
            id=f"turn-{ident}",
            created_at=time.time(),
            user=USER,
            key_name="",
            operator=True,
            conversation=f"c-{passage.id}",
            messages=(Message("user", said),),
            answer="",
            version=self.version,
            arm=Arm.STABLE,
            rollout=None,
            state=TurnState.LEARNABLE,
            request_hash=ident,
        )

    async def _open(self) -> None:
        await self._fleet.ensure(self.version)

    async def _close(self) -> None:
        self._ledger.close()
        for version in self._school.engine.loaded() - {BASE_VERSION}:
            await self._school.engine.unload(version)


@asynccontextmanager
async def opened(home: Path, school: School, steps_done: int) -> AsyncIterator[Line]:
    """A line as it stood after so many passages: what a kill left half done behind them is put back.

    One line at a time: versions of two lines share their names.
    """
    _put_back(home, steps_done)
    line = Line(home, school)
    try:
        await line._open()
        yield line
    finally:
        await line._close()


def keep(home: Path, step: int) -> None:
    """Keep the ledger as it is before this step. Blobs need no copy: one that no row names does no harm."""
    kept, temporary = _kept(home, step), home / "keeping.db"
    temporary.unlink(missing_ok=True)
    with closing(sqlite3.connect(home / "ledger.db")) as ledger, closing(sqlite3.connect(temporary)) as copy:
        ledger.backup(copy)
    temporary.replace(kept)
    for older in home.glob("before-*.db"):
        if older != kept:
            older.unlink()


def _put_back(home: Path, step: int) -> None:
    """Where this step had begun, the ledger is again as it was before; step 0 begins with an empty folder."""
    if step == 0:
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    kept = _kept(home, step)
    if not kept.exists():
        return
    for file in home.glob("ledger.db*"):
        file.unlink()
    shutil.copyfile(kept, home / "ledger.db")


def _kept(home: Path, step: int) -> Path:
    return home / f"before-{step}.db"
