"""Streams of chat requests, read from the socket itself: when each token came, and what went wrong."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scripts.benchmarks.common import percentile


@dataclass(frozen=True, slots=True)
class Target:
    """A server to ask, and under which names it knows what is asked for, in turn."""

    port: int
    model: str
    host: str = "127.0.0.1"
    others: tuple[str, ...] = ()
    """Further models: streams take turns."""

    def name(self, stream: int) -> str:
        """The model of one stream."""
        return (self.model, *self.others)[stream % (1 + len(self.others))]


@dataclass(frozen=True, slots=True)
class Stream:
    """One answer as its reader saw it."""

    first_seconds: float = 0.0
    gaps: tuple[float, ...] = ()
    """Seconds between one piece of text and the next."""
    tokens: int = 0
    error: str = ""
    """Why it is no whole answer."""
    opening: bool = False
    """Whether it was asked for as the burst began, together with those of all other streams."""


@dataclass(frozen=True, slots=True)
class Burst:
    """So many streams at once, each with one answer after the other."""

    seconds: float
    streams: tuple[Stream, ...]
    """All their answers."""

    @property
    def tokens_per_second(self) -> float:
        """Of all streams together."""
        return sum(stream.tokens for stream in self.streams) / self.seconds

    @property
    def first_token_ms(self) -> float:
        """Median over the answers."""
        return 1000 * statistics.median(stream.first_seconds for stream in self.streams)


async def stream(target: Target, model: str, question: str, max_tokens: int) -> Stream:
    """One greedy answer. What the server does wrong is in the result, not raised."""
    body = json.dumps(
        {
            "model": model,
            "messages": [{"role": "user", "content": question}],
            "temperature": 0,
            "max_tokens": max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {target.host}:{target.port}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    begin = time.perf_counter()
    try:
        reader, writer = await asyncio.open_connection(target.host, target.port)
    except OSError as error:
        return Stream(error=str(error))
    try:
        writer.write(head.encode() + body)
        status = (await reader.readline()).decode()
        if " 200 " not in status:
            return Stream(error=f"{status.strip()} {(await reader.read()).decode()[-300:]}")
        return await _read(reader, begin)
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        return Stream(error=f"{type(error).__name__}: {error}")
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader, begin: float) -> Stream:
    times: list[float] = []
    tokens, done = 0, False
    async for line in reader:
        if line.startswith(b"data: [DONE]"):
            done = True
        if not line.startswith(b"data: {"):
            continue
        event = json.loads(line[6:])
        if "error" in event:
            return Stream(error=str(event["error"]))
        if any(choice["delta"].get("content") for choice in event["choices"]):
            times.append(time.perf_counter())
        # `transformers serve` says why an answer ended and no [DONE]
        done = done or any(choice.get("finish_reason") for choice in event["choices"])
        if event.get("usage"):
            tokens = event["usage"]["completion_tokens"]
    if not done or not times:
        return Stream(error="the stream ended before the answer did" if times else "no text came")
    gaps = tuple(later - earlier for earlier, later in itertools.pairwise(times))
    return Stream(times[0] - begin, gaps, tokens)


async def burst(target: Target, streams: int, max_tokens: int, round_: int, answers: int = 1) -> Burst:
    """So many streams that begin together, each asking `answers` different questions one after the other.

    Where there are several, each may be half to all of `max_tokens` long, drawn anew for each, so that the
    streams fall out of step as those of separate people are.
    """
    drawn = random.Random(f"{round_} {streams} {max_tokens}")
    least = max_tokens if answers == 1 else max(1, max_tokens // 2)
    lengths = [[drawn.randint(least, max_tokens) for _ in range(answers)] for _ in range(streams)]

    async def one(number: int) -> list[Stream]:
        said = [
            await stream(target, target.name(number), _question(round_ * answers + n, number), length)
            for n, length in enumerate(lengths[number])
        ]
        return [replace(said[0], opening=True), *said[1:]]

    begin = time.perf_counter()
    done = await asyncio.gather(*[one(number) for number in range(streams)])
    return Burst(time.perf_counter() - begin, tuple(answer for several in done for answer in several))


def _question(turn: int, number: int) -> str:
    return (
        f"Tell me a long story about the {turn * 100 + number} houses of an old town and the people in them."
    )


def summary(bursts: Sequence[Burst]) -> dict[str, float]:
    """The figures of one server at one width: medians over bursts, percentiles over all their streams.

    First tokens are those of answers asked for while others were under way; those of the openings, which all
    come at one moment, are told apart (they are all there is where each stream has one answer).
    """
    whole = [one for burst in bursts for one in burst.streams if not one.error]
    openings = [one.first_seconds for one in whole if one.opening]
    firsts = [one.first_seconds for one in whole if not one.opening] or openings
    gaps = [gap for one in whole for gap in one.gaps]
    figures = {
        "tokens_per_second": statistics.median(burst.tokens_per_second for burst in bursts),
        "first_token_p50_ms": 1000 * percentile(firsts, 0.5),
        "first_token_p99_ms": 1000 * percentile(firsts, 0.99),
        "opening_p50_ms": 1000 * percentile(openings, 0.5),
        "opening_p99_ms": 1000 * percentile(openings, 0.99),
        "inter_token_p50_ms": 1000 * percentile(gaps, 0.5),
        "inter_token_p99_ms": 1000 * percentile(gaps, 0.99),
    }
    errors = sum(bool(one.error) for burst in bursts for one in burst.streams)
    return {name: round(value, 2) for name, value in figures.items()} | {
        "answers": len(whole),
        "errors": errors,
    }
