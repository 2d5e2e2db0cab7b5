"""A trainer without a model: takes no gradient, accepts everything, always gives the same factors.

For tests of the durable side of the loop and for front-end work on the fake engine, never beside a real one
(server.app pairs fake with fake). Same signature and result as server.learner.update.run.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from server.learner.types import CheckCount, Factors, GateReport, UpdateInput, UpdateResult

MODULE = "model.layers.0.mlp.up_proj"
STEPS = 10
SECONDS_PER_STEP = 0.02


def run(
    given: UpdateInput,
    yield_hook: Callable[[], None] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> UpdateResult:
    """Pretend for a moment, then hand over factors that depend on nothing but edits and seed."""
    for step in range(STEPS):
        if yield_hook is not None:
            yield_hook()
        if progress is not None:
            progress("training", step / STEPS)
        time.sleep(SECONDS_PER_STEP)
    ids = (*(edit.id for edit in given.edits), *(said.id for said in given.preferences))
    rng = np.random.default_rng([given.seed, *(int(id_[:8], 16) for id_ in ids)])
    count = len(ids)
    return UpdateResult(
        factors=Factors(
            rank=2,
            alpha=4.0,
            a={MODULE: rng.standard_normal((2, 8)).astype(np.float32)},
            b={MODULE: rng.standard_normal((16, 2)).astype(np.float32)},
        ),
        report=GateReport(
            accepted=True,
            reason="the fake trainer accepts everything",
            checks={"acquisition": CheckCount(count, count, count, True)},
            edits_learned=ids,
        ),
        steps=STEPS,
        provenance={"trainer": "fake", "seed": given.seed},
    )


def examine(
    given: UpdateInput,
    yield_hook: Callable[[], None] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> GateReport:
    """Find that the version still answers everything that it carries."""
    count = len(given.edits)
    return GateReport(
        accepted=True,
        reason="the fake examiner accepts everything",
        checks={"acquisition": CheckCount(count, count, count, True)},
        edits_learned=tuple(edit.id for edit in given.edits),
    )
