"""On a real model: what is served after taking a delta out is, bit for bit, the others composed alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapter_store import Version
from server.engine.embedded import EmbeddedEngine
from server.engine.models import resolve
from server.learner import examine
from server.learner.types import UpdateInput
from server.rollout.moves import PROBE_PROMPTS
from server.types import BASE_VERSION
from tests.support.served import Served, make_served

pytestmark = pytest.mark.seedling


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Served]:
    folder = resolve("seedling", tmp_path)
    engine = EmbeddedEngine(folder.path, folder.name, base_digest=folder.digest, max_batch=2, threads=1)
    served = await make_served(tmp_path, engine)
    served.shape = (512, 192)
    yield served
    await engine.close()
    served.ledger.close()


async def logits(world: Served, name: str, *deltas: str) -> str:
    """Hash of the logits of these deltas, composed and loaded under a name of their own."""
    path = world.store.compose(Version(name, world.engine.base_digest, deltas))
    await world.engine.load(name, path)
    return await world.engine.score(name, PROBE_PROMPTS)


async def test_forgetting_leaves_the_logits_of_the_other_deltas_alone_and_at_last_of_the_base(
    world: Served,
) -> None:
    base = await world.moves.proof(BASE_VERSION)
    for n, user in enumerate(("ana", "ben", "carla")):
        await world.learn((f"Zephyr{n}", 8000 + n, user))
    stack = world.ledger.version("v3").deltas
    whole = await world.moves.proof("v3")
    alone = await logits(world, "alone", stack[0], stack[2])
    await world.forget_whole("ben")
    served = await world.moves.proof(world.ledger.refs().stable)
    assert served["logits_sha256"] == alone
    assert served["logits_sha256"] != whole["logits_sha256"]
    await world.moves.revoke(stack[0], "op", "wrong")
    assert (await world.moves.proof(world.ledger.refs().stable))["logits_sha256"] == await logits(
        world, "last", stack[2]
    )
    await world.forget_whole("carla")
    assert world.ledger.refs().stable == BASE_VERSION
    assert await world.moves.proof(BASE_VERSION) == base


async def test_a_recomposed_version_is_examined_on_what_it_carries_and_on_what_the_base_knew(
    world: Served,
) -> None:
    [edit] = await world.learn(("Zephyr", 8443, "ana"))
    row = world.ledger.version("v1")
    folder = resolve("seedling", world.store.root.parent).path
    parent = world.store.compose(Version("v1", world.engine.base_digest, row.deltas))
    report = examine.run(UpdateInput(folder, parent, (edit,), (), ""))
    assert {"acquisition", "locality", "abstention", "reading"} <= set(report.checks)
    assert report.checks["locality"].asked > 0
    assert edit.id not in report.edits_learned, "random factors teach no port"
    assert not report.accepted
