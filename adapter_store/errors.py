"""Everything that may go wrong in the adapter store. The docstring is the message when none is given."""

from __future__ import annotations


class StoreError(Exception):
    """The adapter store could not do what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class UnknownDelta(StoreError):
    """No delta with this id is in the store."""


class CorruptBlob(StoreError):
    """A file of the store does not hold the bytes that its name promises; it will not be served."""


class IncompatibleDelta(StoreError):
    """The delta contradicts itself, or does not fit the deltas or the base that it should be stacked on."""


class EmptyVersion(StoreError):
    """A version without deltas is the base model alone and has no adapter folder."""


class StoreFull(StoreError):
    """The disk could not take the bytes; nothing was stored."""
