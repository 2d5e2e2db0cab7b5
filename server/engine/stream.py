"""Chunks on their way to the one who reads them: what piles up while the reader is busy comes as one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from server.engine.types import Chunk, EngineError


class ChunkStream:
    """One answer's chunks, put in by one side and taken out by the other, on one event loop."""

    __slots__ = ("_chunks", "_error", "_some")

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        self._error: EngineError | None = None
        self._some = asyncio.Event()

    def put(self, item: Chunk | EngineError) -> None:
        """Add a chunk, or the error that ends the stream."""
        if isinstance(item, Chunk):
            self._chunks.append(item)
        else:
            self._error = item
        self._some.set()

    async def next(self) -> Chunk:
        """What has come since the last call, as one chunk. Raises the error at once, unread chunks or not."""
        await self._some.wait()
        if self._error is not None:
            raise self._error
        self._some.clear()
        chunk = self._chunks.popleft() if len(self._chunks) == 1 else _joined(self._chunks)
        self._chunks.clear()
        return chunk


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    last = chunks[-1]
    return Chunk(
        "".join(c.text for c in chunks),
        tuple(t for c in chunks for t in c.token_ids),
        tuple(p for c in chunks for p in c.logprobs),
        last.finish_reason,
        last.prompt_tokens,
        last.completion_tokens,
        tuple(call for c in chunks for call in c.tool_calls),
    )
