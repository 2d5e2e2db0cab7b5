"""Which versions an engine has loaded, and how many requests still need each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.engine.types import BadAdapter, EngineError, VersionNotLoaded
from server.types import BASE_VERSION


class LoadedVersion:
    """A version as it was loaded once. Loading the name again later makes another one."""

    __slots__ = ("idle", "key", "name", "path", "users")

    def __init__(self, name: str, path: Path | None, key: str | None) -> None:
        self.name = name
        self.path = path
        self.key = key
        """Names the weights inside the engine; None for the base."""
        self.users = 0
        self.idle = asyncio.Event()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Hold the weights for a request."""
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1
            if not self.users:
                self.idle.set()


class Versions:
    """The loaded versions by name. Lives on the event loop."""

    def __init__(self) -> None:
        self._loaded = {BASE_VERSION: LoadedVersion(BASE_VERSION, None, None)}
        self._count = 0

    def names(self) -> frozenset[str]:
        """What can be asked now."""
        return frozenset(self._loaded)

    def get(self, name: str) -> LoadedVersion:
        """Raises VersionNotLoaded."""
        if name not in self._loaded:
            raise VersionNotLoaded(
                f"version {name} is not loaded; loaded are {', '.join(sorted(self._loaded))}"
            )
        return self._loaded[name]

    def holds(self, name: str, path: Path) -> bool:
        """Whether the name is loaded from this folder. Raises BadAdapter when it is loaded from another."""
        known = self._loaded.get(name)
        if known is not None and known.path != path:
            raise BadAdapter(
                f"{name} is loaded already from {known.path or 'the base'}: versions never change"
            )
        return known is not None

    def new(self, name: str, path: Path) -> LoadedVersion:
        """A record with a key of its own, not yet to be asked: `show` it when its weights are in place."""
        self._count += 1
        return LoadedVersion(name, path, f"{name}#{self._count}")

    def show(self, version: LoadedVersion) -> None:
        """From now on requests can name it."""
        self._loaded[version.name] = version

    async def retire(self, name: str) -> LoadedVersion | None:
        """Refuse new requests at once, wait for those in flight, and give the record whose weights can go."""
        if name == BASE_VERSION:
            raise EngineError("the base model cannot be unloaded")
        known = self._loaded.pop(name, None)
        if known is not None and known.users:
            known.idle.clear()
            await known.idle.wait()
        return known
