"""The canonical bytes of a delta: same delta, same bytes, same id, on every machine.

Two blobs: the factors (safetensors, float32, little-endian, sorted keys) and the manifest (JSON with sorted
keys), which names the factors by digest. The delta's id is the manifest's digest, so it covers both. The
manifest is written last: a delta exists when its manifest does.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from adapter_store.blobs import Blobs, sha256
from adapter_store.errors import CorruptBlob, IncompatibleDelta
from adapter_store.types import Array, Delta, Manifest

FORMAT = "livegraft-delta-1"
FACTORS = ".safetensors"
MANIFEST = ".json"


def canonical_json(value: object) -> bytes:
    """JSON with one spelling. Raises IncompatibleDelta for what JSON cannot hold."""
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise IncompatibleDelta(f"A delta's manifest must hold plain finite JSON values: {error}.") from error
    return text.encode()


def canonical_tensors(tensors: dict[str, Array]) -> bytes:
    """Safetensors bytes of float32 arrays, independent of the dict's order and the arrays' memory layout."""
    return bytes(save({key: np.ascontiguousarray(tensors[key], dtype="<f4") for key in sorted(tensors)}))


def check(delta: Delta) -> None:
    """Raise IncompatibleDelta unless the delta's shapes, names and numbers agree with its manifest."""
    manifest = delta.manifest
    if manifest.rank < 1 or not math.isfinite(manifest.alpha):
        raise IncompatibleDelta(f"Rank {manifest.rank} and alpha {manifest.alpha} are no LoRA scale.")
    if not manifest.modules or list(manifest.modules) != sorted(set(manifest.modules)):
        raise IncompatibleDelta("The manifest's modules must be a sorted list of distinct names, not empty.")
    for side, factors in (("A", delta.a), ("B", delta.b)):
        if set(factors) != set(manifest.modules):
            odd = sorted(set(factors) ^ set(manifest.modules))
            raise IncompatibleDelta(f"The {side} factors and the manifest disagree about: {', '.join(odd)}.")
    for module in manifest.modules:
        _check_factor(f"{module}.lora_A", delta.a[module], 0, manifest.rank)
        _check_factor(f"{module}.lora_B", delta.b[module], 1, manifest.rank)


def _check_factor(name: str, factor: Array, rank_axis: int, rank: int) -> None:
    if factor.dtype != np.float32:
        raise IncompatibleDelta(f"{name} is {factor.dtype}, not float32.")
    if factor.ndim != 2 or factor.shape[rank_axis] != rank or 0 in factor.shape:
        raise IncompatibleDelta(f"{name} has shape {factor.shape}, which does not fit rank {rank}.")
    if not np.isfinite(factor).all():
        raise IncompatibleDelta(f"{name} holds NaN or infinite numbers: the training diverged.")


def pack(delta: Delta) -> tuple[bytes, bytes]:
    """The factor bytes and the manifest bytes. Raises IncompatibleDelta."""
    check(delta)
    factors = canonical_tensors(
        {f"{module}.lora_A": value for module, value in delta.a.items()}
        | {f"{module}.lora_B": value for module, value in delta.b.items()}
    )
    manifest = delta.manifest
    described = {
        "format": FORMAT,
        "base_digest": manifest.base_digest,
        "base_model": manifest.base_model,
        "rank": int(manifest.rank),
        "alpha": float(manifest.alpha),
        "modules": list(manifest.modules),
        "provenance": manifest.provenance,
        "factors": {"sha256": sha256(factors), "bytes": len(factors)},
    }
    return factors, canonical_json(described)


def put(blobs: Blobs, delta: Delta) -> str:
    """Store a delta: factors first, manifest last. Returns its id; storing it again changes nothing."""
    factors, manifest = pack(delta)
    blobs.put(factors, FACTORS)
    return blobs.put(manifest, MANIFEST)


def read_manifest(blobs: Blobs, delta_id: str) -> tuple[Manifest, str]:
    """The verified manifest and the digest of the factors it names. Raises CorruptBlob."""
    raw: dict[str, Any] = json.loads(blobs.get(delta_id, MANIFEST))
    if raw.get("format") != FORMAT:
        raise CorruptBlob(
            f"{blobs.path(delta_id, MANIFEST)} has format {raw.get('format')!r}, not {FORMAT!r}. "
            "Read it with the release that wrote it."
        )
    manifest = Manifest(
        base_digest=raw["base_digest"],
        base_model=raw["base_model"],
        rank=raw["rank"],
        alpha=raw["alpha"],
        modules=tuple(raw["modules"]),
        provenance=raw["provenance"],
    )
    return manifest, raw["factors"]["sha256"]


def get(blobs: Blobs, delta_id: str) -> Delta:
    """Read a delta, every byte verified. Raises CorruptBlob."""
    manifest, digest = read_manifest(blobs, delta_id)
    data = blobs.get(digest, FACTORS)
    try:
        tensors = load(data)
        a = {module: tensors[f"{module}.lora_A"] for module in manifest.modules}
        b = {module: tensors[f"{module}.lora_B"] for module in manifest.modules}
    except (SafetensorError, KeyError) as error:
        # its hash is right, so it was written wrong: say so rather than fail deep in an engine
        raise CorruptBlob(
            f"{blobs.path(digest, FACTORS)} is no readable set of factors: {error}. "
            f"Revoke delta {delta_id[:12]}."
        ) from error
    return Delta(manifest, a, b)
