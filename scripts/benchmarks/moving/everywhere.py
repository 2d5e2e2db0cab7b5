"""Rollback over several server processes and replicas under load: when it holds for the last new request."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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


@contextmanager
def served(
    program: Path | None, workers: int, count: int, arguments: Sequence[str], flags: Sequence[str]
) -> Iterator[Server]:
    """A server with three versions, over replicas of `program`, else with the scripted engine in each process."""
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


def run(server: Server, moves: int, streams: int, tokens: int) -> dict[str, Any]:
    """Move stable `moves` times between v0, v1 and v2 under load, and look at every request."""
    pids = [child.pid for child in psutil.Process(server.pid).children()]
    proofs = {name: server.get(f"/v1/adapters/{name}/proof") for name in ("v0", "v1", "v2")}
    rng, calls, equal, begin = random.Random(7), [], 0, time.monotonic()
    with _everywhere(server, pids, streams, tokens) as (load, owners):
        for _ in range(moves):
            now = server.get("/v1/adapters")["refs"]["stable"]
            target = rng.choice([name for name in proofs if name != now])
            called = time.monotonic()
            answer = server.post("/v1/adapters/rollback", {"to": target, "reason": "benchmark"})
            calls.append((called, target, time.monotonic() - called))
            equal += answer["proof"] == proofs[target]
            time.sleep(WATCH_SECONDS + rng.random() / 2)
    seconds = time.monotonic() - begin
    lags = [_lag(load.asked, *one) for one in _spans(calls)]
    failed = [asked.error for asked in load.asked if asked.error]
    for error in failed[:5]:
        print(f"failed: {error}")
    shares = Counter(owners.get(asked.port, 0) for asked in load.asked if not asked.error)
    sent, began = [one[0] for one in lags], [one[1] for one in lags]
    return {
        "server processes, all of which answered": f"{len(pids)}: "
        + ", ".join(str(shares[pid]) for pid in pids)
        + " answers",
        "clients": streams,
        "requests": f"{len(load.asked)} ({len(load.asked) / seconds:.0f} a second)",
        "moves of stable": len(calls),
        "call to the last new request that the other version answered, sent: p50 / p99 / most": _three(sent),
        "the same until its answer began": _three(began),
        "the call itself, proof included: p50 / p99 / most": _three([one[2] for one in calls]),
        "requests failed": len(failed),
        "proofs equal": f"{equal} of {len(calls)}",
    }


@contextmanager
def _everywhere(
    server: Server, pids: Sequence[int], streams: int, tokens: int
) -> Iterator[tuple[Streams, dict[int, int]]]:
    """Load on every process, and who answers which connection."""
    port, reached = httpx.URL(server.url).port or 80, {}
    for _ in range(CONNECT_TRIES):
        with Streams(server.url, server.model, streams, tokens) as load:
            if not load.connected(30):
                raise RuntimeError(f"{streams} clients are not answered: {server.log.read_text()[-2000:]}")
            owners = answering(pids, port)
            reached = Counter(owners.values())
            if reached.keys() >= set(pids):
                yield load, owners
                return
    raise RuntimeError(
        f"{streams} clients reach only {len(reached)} of {len(pids)} processes: take more --streams"
    )


def _spans(calls: Sequence[tuple[float, str, float]]) -> Iterator[tuple[float, float, str]]:
    """From each call to the next: when, until when, and to which version."""
    ends = [called for called, _, _ in calls[1:]] + [float("inf")]
    for (called, target, _), end in zip(calls, ends, strict=True):
        yield called, end, target


def _lag(asked: Sequence[Asked], called: float, end: float, target: str) -> tuple[float, float]:
    """Of the requests sent after the call that another version answered, the last: seconds after the call
    when it was sent, and when an answer began at the latest."""
    late = [a for a in asked if called <= a.sent_at < end and not a.error and a.version != target]
    return (
        max((a.sent_at - called for a in late), default=0.0),
        max((a.began_at - called for a in late), default=0.0),
    )


def _three(seconds: Sequence[float]) -> str:
    return f"{percentile(seconds, 0.5):.3f} / {percentile(seconds, 0.99):.3f} / {max(seconds):.3f} s"
