"""What the routes work with: handed in by the composition root, found at `app.state.context`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Request

from server.api.control import Control
from server.api.metrics import Metrics
from server.api.policy import ApiPolicy
from server.embedding import Embedding
from server.embedding.local import LocalEmbedding
from server.engine.pace import Pace
from server.engine.types import Engine
from server.types import BASE_VERSION

if TYPE_CHECKING:
    from guardian import Judges
    from server.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Context:
    """The collaborators of one API process."""

    policy: ApiPolicy
    engine: Engine
    ledger: Ledger
    guardian: Judges
    control: Control
    embedding: Embedding = field(default_factory=LocalEmbedding)
    metrics: Metrics = field(default_factory=Metrics)
    pace: Pace = field(default_factory=Pace)
    _digests: dict[str, str] = field(default_factory=dict)
    _afterwards: set[asyncio.Task[Any]] = field(default_factory=set)

    async def digest(self, version: str) -> str:
        """The version's digest. Versions never change, so each is read once."""
        if version == BASE_VERSION:
            return self.engine.base_digest
        if version not in self._digests:
            self._digests[version] = (await asyncio.to_thread(self.ledger.version, version)).digest
        return self._digests[version]

    def afterwards(self, work: Coroutine[Any, Any, Any]) -> None:
        """Do something that the end of this request must not cut short."""
        task = asyncio.create_task(work)
        self._afterwards.add(task)
        task.add_done_callback(self._afterwards.discard)

    async def drain(self) -> None:
        """Wait for what was left to do afterwards: before the ledger closes."""
        while self._afterwards:
            await asyncio.gather(*self._afterwards, return_exceptions=True)


async def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Ctx = Annotated[Context, Depends(_context)]
