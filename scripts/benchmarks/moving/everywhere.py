"""Rollback over several server processes and replicas under load: when it holds for the last new request."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import psutil

from scripts.benchmarks.common import Server, percentile, serving
from scripts.benchmarks.moving.planted import Base, noise, plant
from scripts.benchmarks.moving.replicas import replicas
from scripts.benchmarks.moving.streams import CONNECT_TRIES, Asked, Streams, answering
from server.engine.models import resolve
from server.engine.vllm.check import linear_shapes

FLAGS = (
    *("--learning.enabled", "false", "--guardian.process", "false", "--rollout.promote-after-seconds", "0"),
    *("--engine.max-model-len", "512"),
)
FAKE = Base("fake", sha256(b"fake").hexdigest(), {"model.layers.0.mlp.up_proj": (16, 8)})
WATCH_SECONDS = 1.5
"""How long answers are watched after each move: longer than the move may take."""


@dataclass(frozen=True, slots=True)
class Call:
    """A rollback: when it was called (monotonic seconds), to which version, and how long the call took."""

    at: float
    target: str
    seconds: float


@contextmanager
def served(
    program: Path | None, workers: int, count: int, arguments: Sequence[str], flags: Sequence[str]
) -> Iterator[Server]:
    """A server with three versions, over replicas of `program`, else the scripted engine in each process."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livegraft-bench-")))
        base, engine = FAKE, ["--engine.kind", "fake"]
        if program is not None:
            folder = resolve("seedling", home, widened=False)
            base = Base(folder.name, folder.digest, linear_shapes(folder.path))
            urls = stack.enter_context(
                replicas(program, count, folder.path, folder.name, home, ["--max-num-seqs", "64", *arguments])
            )
            engine = ["--engine.kind", "vllm", "--vllm.urls", ",".join(urls)]
        plant(home, base, [noise(base, seed) for seed in (1, 2)], "random numbers, for a benchmark")
        told = [*FLAGS, "--workers", str(workers), *engine, *flags]
        server = stack.enter_context(serving(base.name, *told, home=home))
        server.wait_for(
            "promoting the versions", lambda: server.get("/v1/adapters")["refs"]["stable"] == "v2", 120
        )
        yield server


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen of all requests under moving refs. Times in seconds."""

    answers: dict[int, int]
    """Server process → answers that it gave."""
    requests: int
    seconds: float
    calls: list[float]
    """How long each call took, proof included."""
    sent: list[float]
    """Of each move, from the call until the last new request that another version answered was sent."""
    began: list[float]
    """The same until that answer began."""
    failed: list[str]
    equal: int
    """Moves after which the proof was the one from before."""

    def figures(self) -> dict[str, Any]:
        """As they are printed."""
        by = ", ".join(str(count) for count in self.answers.values())
        return {
            "server processes, all of which answered": f"{len(self.answers)}: {by} answers",
            "requests": f"{self.requests} ({self.requests / self.seconds:.0f} a second)",
            "moves of stable": len(self.calls),
            "call to the last new request that the other version answered, sent: p50 / p99 / most": _three(
                self.sent
            ),
            "the same until its answer began": _three(self.began),
            "the call itself, proof included: p50 / p99 / most": _three(self.calls),
            "requests failed": len(self.failed),
            "proofs equal": f"{self.equal} of {len(self.calls)}",
        }


def run(server: Server, moves: int, streams: int, tokens: int) -> Found:
    """Move stable `moves` times between v0, v1 and v2 under load, and look at every request."""
    pids = [child.pid for child in psutil.Process(server.pid).children()]
    proofs = {name: server.get(f"/v1/adapters/{name}/proof") for name in ("v0", "v1", "v2")}
    rng, equal, begin = random.Random(7), 0, time.monotonic()
    calls: list[Call] = []
    with _everywhere(server, pids, streams, tokens) as (load, owners):
        for _ in range(moves):
            now = server.get("/v1/adapters")["refs"]["stable"]
            target = rng.choice([name for name in proofs if name != now])
            called = time.monotonic()
            answer = server.post("/v1/adapters/rollback", {"to": target, "reason": "benchmark"})
            calls.append(Call(called, target, time.monotonic() - called))
            equal += answer["proof"] == proofs[target]
            time.sleep(WATCH_SECONDS + rng.random() / 2)
    lags = [_lag(load.asked, call, end) for call, end in _spans(calls)]
    shares = Counter(owners.get(asked.port, 0) for asked in load.asked if not asked.error)
    return Found(
        answers={pid: shares[pid] for pid in pids},
        requests=len(load.asked),
        seconds=time.monotonic() - begin,
        calls=[call.seconds for call in calls],
        sent=[sent for sent, _ in lags],
        began=[began for _, began in lags],
        failed=[asked.error for asked in load.asked if asked.error],
        equal=equal,
    )


@contextmanager
def _everywhere(
    server: Server, pids: Sequence[int], streams: int, tokens: int
) -> Iterator[tuple[Streams, dict[int, int]]]:
    """Load on every process, and who answers which connection."""
    port, reached = httpx.URL(server.url).port or 80, Counter[int]()
    for _ in range(CONNECT_TRIES):
        with Streams(server.url, server.model, streams, tokens) as load:
            if not load.connected(30):
                raise RuntimeError(f"{streams} clients are not answered: {server.log.read_text()[-2000:]}")
            owners = answering(pids, port)
            reached = Counter(owners[asked.port] for asked in load.asked if asked.port in owners)
            if reached.keys() >= set(pids):
                yield load, owners
                return
    raise RuntimeError(
        f"{streams} clients reach only {len(reached)} of {len(pids)} processes: take more --streams"
    )


def _spans(calls: Sequence[Call]) -> Iterator[tuple[Call, float]]:
    """Each call and when the next one came."""
    ends = [call.at for call in calls[1:]] + [float("inf")]
    yield from zip(calls, ends, strict=True)


def _lag(asked: Sequence[Asked], call: Call, end: float) -> tuple[float, float]:
    """Of the requests sent after the call that another version answered, the last: seconds after the call
    when it was sent, and when an answer began at the latest."""
    late = [a for a in asked if call.at <= a.sent_at < end and not a.error and a.version != call.target]
    return (
        max((a.sent_at - call.at for a in late), default=0.0),
        max((a.began_at - call.at for a in late), default=0.0),
    )


def _three(seconds: Sequence[float]) -> str:
    return f"{percentile(seconds, 0.5):.3f} / {percentile(seconds, 0.99):.3f} / {max(seconds):.3f} s"
