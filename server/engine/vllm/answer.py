"""One answer: which replica is asked, what is tried again elsewhere, and what cannot be any more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from server.engine.stream import ChunkStream
from server.engine.types import (
    Chunk,
    ContextLengthExceeded,
    EngineDead,
    EngineError,
    GenerationRequest,
    RequestRefused,
)
from server.engine.vllm import wire
from server.engine.vllm.client import token_ids
from server.engine.vllm.errors import Refused, ReplicaFailed, ReplicaLost
from server.engine.vllm.replica import Replica

log = logging.getLogger("livegraft.engine")
BUSY_PAUSE_SECONDS = 0.2


class Answering:
    """Asks the replicas. `patience_seconds` is how long a request waits while none of them is ready."""

    def __init__(self, replicas: Sequence[Replica], patience_seconds: float) -> None:
        self._replicas = replicas
        self._patience_seconds = patience_seconds
        self.retries = 0
        """How often a request that had not begun was asked again."""

    async def stream(self, request: GenerationRequest, model: str, out: ChunkStream) -> None:
        """Put the whole answer, or the error that ended it, into `out`. `model`: '' for the base."""
        begun, asked = False, list[Replica]()
        try:
            while True:
                replica = await self._next(asked)
                try:
                    async with aclosing(self._ask(replica, request, model)) as chunks:
                        async for chunk in chunks:
                            begun = True
                            out.put(chunk)
                    return
                except (Refused, ReplicaFailed) as failure:
                    await self._blame(replica, failure, request, model)
                    if begun:
                        raise ReplicaLost(
                            f"the replica that was answering failed ({failure}); the answer is not whole, "
                            "ask again"
                        ) from failure
        except EngineError as error:
            out.put(error)
        except Exception as error:  # a defect here must not leave the reader waiting
            log.exception("%s: answering failed", request.id)
            out.put(EngineError(f"{type(error).__name__}: {error}"))

    async def call(self, path: str, body: dict[str, Any], model: str, request: GenerationRequest) -> Any:
        """One JSON answer, asked again elsewhere when a replica fails at it."""
        asked: list[Replica] = []
        while True:
            replica = await self._next(asked)
            replica.running += 1
            try:
                return await replica.client.ask(path, body | {"model": model or replica.base})
            except (Refused, ReplicaFailed) as failure:
                await self._blame(replica, failure, request, model)
            finally:
                replica.running -= 1

    async def prompt_ids(self, request: GenerationRequest, model: str) -> list[int]:
        """Token ids of the raw text, or of the conversation with the assistant's turn opened; and of the
        words put into it."""
        if request.text is not None:
            body: dict[str, Any] = {"prompt": request.text + request.prefill}
            return list(token_ids(await self.call("/tokenize", body, model, request), "a replica"))
        body = wire.conversation(request)
        ids = list(token_ids(await self.call("/tokenize", body, model, request), "a replica"))
        return ids + await self.text_ids(request.prefill, model, request) if request.prefill else ids

    async def text_ids(self, text: str, model: str, request: GenerationRequest) -> list[int]:
        """Token ids of plain text."""
        body = {"prompt": text, "add_special_tokens": False}
        return list(token_ids(await self.call("/tokenize", body, model, request), "a replica"))

    async def _next(self, asked: list[Replica]) -> Replica:
        """The replica to ask now, and to be added to those asked already. Raises EngineDead."""
        if len(asked) > 2 * len(self._replicas):
            raise EngineDead(f"no replica could answer: {self.whys() or 'all of them fail at it'}; ask again")
        replica = await self._pick(asked)
        if asked:
            self.retries += 1
            if replica in asked:
                await asyncio.sleep(BUSY_PAUSE_SECONDS)
        asked.append(replica)
        return replica

    async def _pick(self, asked: Sequence[Replica]) -> Replica:
        deadline = time.monotonic() + self._patience_seconds
        while True:
            ready = [replica for replica in self._replicas if replica.state == "ready"]
            if ready:
                return min(ready, key=lambda replica: (asked.count(replica), replica.running))
            if time.monotonic() > deadline:
                raise EngineDead(f"no replica is ready: {self.whys()}")
            await asyncio.sleep(0.02)

    def whys(self) -> str:
        """What is wrong with the replicas that are not ready."""
        return "; ".join(f"{r.name}: {r.why}" for r in self._replicas if r.state != "ready")

    async def _ask(self, replica: Replica, request: GenerationRequest, model: str) -> Any:
        """The answer's chunks as one replica streams them; the last has the counts."""
        asked = request.sampling.logprobs
        name = model or replica.base
        if request.text is not None:
            path, body = wire.COMPLETIONS, wire.completion(request, name, request.text + request.prefill)
        elif request.prefill:
            ids = await self.prompt_ids(request, model)
            path, body = wire.COMPLETIONS, wire.completion(request, name, ids)
        else:
            path, body = wire.CHAT, wire.chat(request, name)
        body["max_tokens"] = min(body["max_tokens"], replica.max_model_len)  # more is refused, not cut
        last: Chunk | None = None
        replica.running += 1
        try:
            async with aclosing(replica.client.stream(path, body)) as events:
                async for event in events:
                    chunk = wire.chunk(event, asked)
                    counts = wire.usage(event) if last is not None else None
                    if last is not None and counts is not None:
                        last = replace(last, prompt_tokens=counts[0], completion_tokens=counts[1])
                    if chunk is not None and chunk.finish_reason is not None:
                        last = chunk
                    elif chunk is not None:
                        yield chunk
        finally:
            replica.running -= 1
        if last is None:
            raise ReplicaFailed(f"{replica.name} ended an answer without saying why")
        yield last

    async def _blame(
        self, replica: Replica, failure: Refused | ReplicaFailed, request: GenerationRequest, model: str
    ) -> None:
        """Whose fault was it? Raises where asking another replica would not help."""
        if isinstance(failure, ReplicaFailed) or failure.fatal or failure.no_such_model:
            replica.suspect(str(failure))
            return
        if failure.too_long:
            raise ContextLengthExceeded(await self._how_long(request, model, replica.max_model_len))
        if failure.status < 500 and not failure.busy:
            raise RequestRefused(f"the engine refuses this request: {failure}")
        log.warning("replica %s failed at a request: %s", replica.name, failure)

    async def _how_long(self, request: GenerationRequest, model: str, most: int) -> str:
        """vLLM stops counting where the context ends; people want to know by how much to shorten."""
        count = len(await self.prompt_ids(request, model))
        return f"the prompt has {count} tokens, the context {most} with the answer"
