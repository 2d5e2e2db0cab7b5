"""How a version came about, gathered from ledger and store for the two exports."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from server.api.context import Context
from server.api.errors import not_found
from server.code import code_digest, code_version
from server.types import BASE_VERSION, VersionRow

TOLD = (
    *("parent", "update", "code", "seed", "profile", "threads", "device", "first_trained_layer", "libraries"),
    *("primed", "stopped", "factors_sha256", "trainer"),
)
"""What of a delta's provenance leaves the house: nothing that quotes or names a person."""


@dataclass(frozen=True, slots=True)
class MadeDelta:
    """One training run's delta."""

    id: str
    created_at: float
    rank: int
    alpha: float
    modules: tuple[str, ...]
    training: Mapping[str, Any]
    """TOLD of its provenance."""
    examples: Mapping[str, str]
    """Edit → keyed digest of its examples, of edits that are not forgotten."""

    @property
    def examples_digest(self) -> str:
        """sha256 over the sorted keyed digests, in hex: one name for all it was trained on."""
        return hashlib.sha256("\n".join(sorted(self.examples.values())).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Made:
    """One version."""

    row: VersionRow
    model: str
    base_digest: str
    files: Mapping[str, str]
    """Name → sha256 of what an engine loads."""
    deltas: tuple[MadeDelta, ...]
    code: str
    """Version of the code that exports."""
    code_sha256: str


async def gather(context: Context, name: str) -> Made:
    """All that is known of a version. Raises ApiError 404 for the base, UnknownVersion, ErasedVersion."""
    if name == BASE_VERSION:
        raise not_found("v0 is the base model alone: nothing was made of it here that could be attested.")
    ledger = context.ledger
    row = await asyncio.to_thread(ledger.servable, name)
    files, manifests = await context.control.origin(name)
    digests = await ledger.call(ledger.example_digests, row.deltas)
    deltas = []
    for delta_id in row.deltas:
        known, manifest = await asyncio.to_thread(ledger.delta, delta_id), manifests[delta_id]
        training = {key: manifest.provenance[key] for key in TOLD if key in manifest.provenance}
        deltas.append(
            MadeDelta(
                delta_id,
                known.created_at,
                manifest.rank,
                manifest.alpha,
                manifest.modules,
                training,
                digests[delta_id],
            )
        )
    made_of = (context.engine.model_name, context.engine.base_digest, files, tuple(deltas))
    return Made(row, *made_of, code_version(), code_digest())
