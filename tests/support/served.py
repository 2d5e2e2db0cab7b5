"""A world that is served: the parts that move refs, and facts that are told, learned, shown and promoted."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from adapter_store import Delta, Manifest, Version
from server.engine.types import Engine
from server.learner.types import CheckCount, Factors, GateReport, UpdateInput, UpdateResult
from server.ledger import Claim, Ledger, updates
from server.ledger.types import Tx
from server.rollout import Fleet, Forget, Moves, RolloutLoop, RolloutPolicy
from server.types import SelfEdit, UpdateKind, UpdateState, VersionRow
from tests.support.world import World, make_world

POLICY = RolloutPolicy(weight=0.2, promote_after_seconds=0)
MODULE, SHAPE = "model.layers.0.mlp.up_proj", (16, 8)


class Served(World):
    """A world with the rollout's parts and a trainer that takes no time."""

    fleet: Fleet
    moves: Moves
    loop: RolloutLoop
    forget: Forget
    module, shape = MODULE, SHAPE

    def train_at_once(
        self,
        given: UpdateInput,
        yield_hook: Callable[[], None] | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> UpdateResult:
        """Factors that depend on the edits alone, accepted by a gate that asks nothing."""
        rng = np.random.default_rng([int(edit.id[:8], 16) for edit in given.edits])
        out_features, in_features = self.shape
        ids = tuple(edit.id for edit in given.edits)
        count = CheckCount(len(ids), len(ids), len(ids), True)
        return UpdateResult(
            Factors(
                rank=2,
                alpha=4.0,
                a={self.module: rng.standard_normal((2, in_features)).astype(np.float32)},
                b={self.module: rng.standard_normal((out_features, 2)).astype(np.float32)},
            ),
            GateReport(True, "learned", {"acquisition": count}, ids),
        )

    def train(self) -> str | None:
        """One step of the learner; the version that came of it."""
        update = self.learner(self.train_at_once).step()
        return update.version if update is not None else None

    async def learn(self, *facts: tuple[str, int, str]) -> list[SelfEdit]:
        """Tell facts (name, port, user) and have them trained in one delta, shown and promoted."""
        edits = [self.tell(*fact) for fact in facts]
        self.train()
        await self.loop.step()
        await self.loop.step()
        return edits

    async def consolidate(self) -> str:
        """Serve one delta that carries, and takes the place of, what stable's deltas carry; the version."""
        stable = self.ledger.version(self.ledger.refs().stable)
        carried = tuple(self.ledger.trained_edits(stable))
        new_id = self.ledger.write(lambda tx: self._begin(tx, len(carried)))
        claim = Claim(*new_id, ())
        result = self.train_at_once(UpdateInput(self.store.root, None, carried, (), ""))
        factors = result.factors
        assert factors is not None
        manifest = Manifest(
            self.engine.base_digest,
            "fake",
            factors.rank,
            factors.alpha,
            (self.module,),
            {"whole": claim.update_id},
        )
        delta = self.store.put(Delta(manifest, factors.a, factors.b))
        name = self.ledger.next_version_name()
        digest = self.store.digest(Version(name, self.engine.base_digest, (delta,)))
        row = VersionRow(name, digest, (delta,), stable.name, 1.0, {"accepted": True})
        ids = [edit.id for edit in carried]
        self.ledger.finish_update(claim, UpdateState.ACCEPTED, "", row, carried=ids)
        await self.loop.step()
        await self.loop.step()
        assert self.ledger.refs().stable == name
        return name

    @staticmethod
    def _begin(tx: Tx, edits: int) -> tuple[str, int]:
        new_id = updates.new_update_id()
        return new_id, updates.begin(tx, new_id, UpdateKind.CONSOLIDATE, "test", 60, edits)

    async def forget_whole(self, user: str) -> dict[str, object]:
        """Both halves of forgetting; the counts."""
        done = await self.forget.erase(user, replayed=False, actor="op")
        assert await self.forget.finish()
        return done.counts


@functools.cache
def _empty_ledger() -> Path:
    """A ledger just made: copying it is quicker than migrating one for every test."""
    home = Path(tempfile.mkdtemp(prefix="livegraft-test-"))
    Ledger.open(home).close()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home / "ledger.db"


async def make_served(home: Path, engine: Engine | None = None) -> Served:
    """A served world in `home`, new or as it was left."""
    if not (home / "ledger.db").exists():
        shutil.copy(_empty_ledger(), home)
    made = make_world(home)
    served = Served(made.ledger, made.store, engine or made.engine)  # type: ignore[arg-type]  # any engine
    await served.engine.start()
    served.fleet = Fleet(served.ledger, served.store, served.engine)
    served.moves = Moves(served.ledger, served.store, served.engine, served.fleet, POLICY)
    served.loop = RolloutLoop(served.ledger, served.fleet, served.moves, POLICY, "test")
    served.forget = Forget(served.ledger, served.store, served.fleet, served.moves)
    return served
