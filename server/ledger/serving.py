"""What a server process follows, in one look: refs, the live rollout, versions, the learner. One snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from server.ledger import refs as ref_rows
from server.ledger import rollouts, schema, values, versions
from server.ledger.types import Tx
from server.types import BASE_VERSION, Refs, Rollout, VersionRow


@dataclass(frozen=True, slots=True)
class Serving:
    """All of it as it was at one moment."""

    refs: Refs
    rollout: Rollout | None
    stable: VersionRow | None
    """None for the base."""
    names: frozenset[str]
    """Of all versions that there ever were."""
    erased: frozenset[str]
    learner: dict[str, Any]
    """What the learner said last."""


def serving(tx: Tx) -> Serving:
    """Read it; cheap enough for several times a second."""
    refs = ref_rows.refs(tx)
    return Serving(
        refs=refs,
        rollout=rollouts.rollout(tx),
        stable=versions.version(tx, refs.stable) if refs.stable != BASE_VERSION else None,
        names=frozenset(tx.db.execute(select(schema.versions.c.name)).scalars()),
        erased=versions.erased_versions(tx),
        learner=values.learner_status(tx),
    )
