"""Versions for a home that no server has opened yet: random deltas, put in through store and ledger."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adapter_store import Delta, Manifest, Store, Version
from server.ledger import Claim, Ledger, updates
from server.ledger.types import Tx
from server.types import BASE_VERSION, UpdateKind, UpdateState, VersionRow

RANK = 4
Shapes = Mapping[str, tuple[int, int]]
"""Module path → (out_features, in_features)."""


@dataclass(frozen=True, slots=True)
class Base:
    """The model that versions are made for."""

    name: str
    digest: str
    shapes: Shapes


def plant(home: Path, base: Base, factors: list[Delta], why: str, parent: str = BASE_VERSION) -> list[str]:
    """Record one version more for each delta, each on the one before; the names, oldest first.

    To the server they are versions that the gate accepted with `why`: it shows and promotes them in turn.
    """
    ledger, store = Ledger.open(home), Store(home / "store")
    names: list[str] = []
    deltas = () if parent == BASE_VERSION else ledger.version(parent).deltas
    for delta in factors:
        deltas = (*deltas, store.put(delta))
        claim = ledger.write(_begun)
        name = ledger.next_version_name()
        digest = store.digest(Version(name, base.digest, deltas))
        gate: dict[str, object] = {"accepted": True, "reason": why, "checks": {}}
        row = VersionRow(name, digest, deltas, parent, time.time(), gate)
        ledger.finish_update(claim, UpdateState.ACCEPTED, why, row)
        names.append(name)
        parent = name
    ledger.close()
    return names


def _begun(tx: Tx) -> Claim:
    """An update that learns nothing: a delta belongs to one."""
    update_id = updates.new_update_id()
    return Claim(update_id, updates.begin(tx, update_id, UpdateKind.LEARN, "benchmark", 60, 0), ())


def noise(base: Base, seed: int, size: float = 0.02) -> Delta:
    """A delta of random numbers with standard deviation `size` on every layer."""
    rng = np.random.default_rng(seed)
    a, b = {}, {}
    for module, (rows, columns) in base.shapes.items():
        a[module] = (rng.standard_normal((RANK, columns)) * size).astype(np.float32)
        b[module] = (rng.standard_normal((rows, RANK)) * size).astype(np.float32)
    manifest = Manifest(base.digest, base.name, RANK, RANK, tuple(sorted(base.shapes)), {"noise": seed})
    return Delta(manifest, a, b)
