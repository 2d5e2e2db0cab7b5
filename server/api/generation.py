"""Running one request on the engine: several answers at once, the canary's fall-back, the time it took."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from server.api.ask import Ask
from server.engine.pace import Pace
from server.engine.types import (
    Chunk,
    ContextLengthExceeded,
    Engine,
    EngineDead,
    EngineError,
    GenerationRequest,
    RequestRefused,
)
from server.router import Choice
from server.types import Arm

Step = tuple[int, Chunk]
"""Which of the `n` answers, and what was added to it."""


@dataclass(slots=True)
class Clock:
    """How long the engine was waited for, so that what we add can be told apart."""

    started: float
    """time.perf_counter() when the request arrived."""
    pace: Pace
    """Is told how long each token after the first was waited for."""
    waited_seconds: float = 0.0

    @property
    def added_seconds(self) -> float:
        """Time since the arrival that was not spent waiting for the engine."""
        return time.perf_counter() - self.started - self.waited_seconds


@dataclass(slots=True)
class Running:
    """An answer whose first token has come: from exactly one version from here to its end."""

    choice: Choice
    first: Step
    steps: AsyncGenerator[Step]
    clock: Clock
    failures: list[tuple[Choice, EngineError]] = field(default_factory=list)
    """Arms that failed before their first token."""

    async def all(self) -> AsyncGenerator[Step]:
        """Every step, the first included. Leaving the loop early cancels the generation."""
        async with aclosing(self.steps) as steps:
            yield self.first
            while True:
                before = time.perf_counter()
                try:
                    step = await anext(steps)
                except StopAsyncIteration:
                    return
                finally:
                    waited = time.perf_counter() - before
                    self.clock.waited_seconds += waited
                self.clock.pace.note(waited)
                yield step


async def start(
    engine: Engine,
    ask: Ask,
    request_id: str,
    user: str,
    choice: Choice,
    fallback: Choice | None,
    clock: Clock,
) -> Running:
    """Wait for the first token. A canary that fails before it is replaced by `fallback`, once.

    Raises EngineError when there is nothing to fall back to, or when the failure is not the version's:
    a prompt too long and a dead engine are the same for every version.
    """
    failures: list[tuple[Choice, EngineError]] = []
    while True:
        steps = _merged(engine, _requests(ask, request_id, user, choice.version))
        before = time.perf_counter()
        try:
            first = await anext(steps)
        except EngineError as error:
            if fallback is None or not is_the_versions_fault(error):
                raise
            failures.append((choice, error))
            choice, fallback = fallback, None
            continue
        finally:
            clock.waited_seconds += time.perf_counter() - before
        return Running(choice, first, steps, clock, failures)


def is_the_versions_fault(error: BaseException) -> bool:
    """Whether the version that answered is to blame, and not the request or the engine as a whole."""
    others = ContextLengthExceeded | RequestRefused | EngineDead
    return isinstance(error, EngineError) and not isinstance(error, others)


def fallback_for(choice: Choice, stable: str) -> Choice | None:
    """Where a canary's failed request goes: to stable, and out of the rollout's statistics."""
    return Choice(stable, Arm.STABLE, None) if choice.arm is Arm.CANARY else None


def _requests(ask: Ask, request_id: str, user: str, version: str) -> list[GenerationRequest]:
    """One request an answer; a given seed is counted on within a prompt's, so that they differ and repeat."""
    seed = ask.sampling.seed
    return [
        GenerationRequest(
            id=f"{request_id}-{index}" if ask.answers > 1 else request_id,
            messages=() if ask.texts else ask.messages,
            version=version,
            sampling=ask.sampling if seed is None else replace(ask.sampling, seed=seed + index % ask.choices),
            text=ask.texts[index // ask.choices] if ask.texts else None,
            history=ask.history,
            cache_salt=f"user {user}",
            options=ask.options,
        )
        for index in range(ask.answers)
    ]


async def _merged(engine: Engine, requests: Sequence[GenerationRequest]) -> AsyncGenerator[Step]:
    """The steps of all answers in the order they come."""
    if len(requests) == 1:
        chunks = engine.generate(requests[0])
        try:
            async for chunk in chunks:
                yield 0, chunk
        finally:
            await _close(chunks)
        return
    queue: asyncio.Queue[Step | BaseException | None] = asyncio.Queue()
    tasks = [asyncio.create_task(_feed(engine, request, n, queue)) for n, request in enumerate(requests)]
    try:
        open_answers = len(tasks)
        while open_answers:
            step = await queue.get()
            if step is None:
                open_answers -= 1
            elif isinstance(step, BaseException):
                raise step
            else:
                yield step
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _feed(
    engine: Engine,
    request: GenerationRequest,
    index: int,
    queue: asyncio.Queue[Step | BaseException | None],
) -> None:
    chunks = engine.generate(request)
    try:
        async for chunk in chunks:
            queue.put_nowait((index, chunk))
        queue.put_nowait(None)
    except Exception as error:
        queue.put_nowait(error)
    finally:
        await _close(chunks)


async def _close(chunks: AsyncIterator[Chunk]) -> None:
    """Cancel the generation: the protocol promises that closing the iterator frees its slot."""
    if isinstance(chunks, AsyncGenerator):
        await chunks.aclose()
