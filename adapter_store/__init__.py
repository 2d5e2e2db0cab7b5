"""Keeps LoRA deltas and the versions made of them. Git for adapters; knows no HTTP and no training."""

from adapter_store.errors import (
    CorruptBlob,
    EmptyVersion,
    IncompatibleDelta,
    StoreError,
    StoreFull,
    UnknownDelta,
)
from adapter_store.store import Store
from adapter_store.types import Delta, Manifest, Version

__all__ = [
    "CorruptBlob",
    "Delta",
    "EmptyVersion",
    "IncompatibleDelta",
    "Manifest",
    "Store",
    "StoreError",
    "StoreFull",
    "UnknownDelta",
    "Version",
]
