"""Throughput and time to first token, side by side with `transformers serve`, which ships with transformers.

Three servers of the same model on one machine: Livegraft, `transformers serve` as it starts by itself, and
with its continuous batching. Each is asked in turn, round after round, the same greedy chat requests at 1, 8
and 32 streams at once, so that whatever else the machine does falls on all alike. Figures are medians.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from scripts.benchmarks.common import ROOT, MemoryWatch, free_port, machine, serving
from scripts.benchmarks.traffic.client import Burst, Target, burst
from server.engine.models import resolve

OURS, THEIRS, THEIRS_BATCHING = "livegraft", "transformers serve", "transformers serve, continuous batching"


async def whole_burst(target: Target, streams: int, max_tokens: int, round_: int) -> Burst:
    """A burst all of whose answers came whole. Raises RuntimeError."""
    done = await burst(target, streams, max_tokens, round_)
    for one in done.streams:
        if one.error:
            raise RuntimeError(f"port {target.port}: {one.error}")
    return done


@contextmanager
def transformers_serve(folder: Path, *flags: str) -> Iterator[Target]:
    """A running `transformers serve` of the model folder."""
    port = free_port()
    program = Path(sys.executable).parent / "transformers"
    command = [str(program), "serve", str(folder), "--port", str(port), "--device", "cpu", *flags]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise RuntimeError(f"`{' '.join(command)}` ended with code {process.returncode}")
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.3)
        yield Target(port, str(folder))
    finally:
        process.terminate()
        process.wait()


def measure(
    targets: dict[str, Target], streams: Sequence[int], tokens: int, rounds: int
) -> dict[str, dict[int, list[Burst]]]:
    """All servers at all widths, in turn, after one burst each that warms them up."""
    for target in targets.values():
        asyncio.run(whole_burst(target, 2, 8, 99))
    seen: dict[str, dict[int, list[Burst]]] = {name: {n: [] for n in streams} for name in targets}
    for round_ in range(rounds):
        for width in streams:
            for name, target in targets.items():
                sample = asyncio.run(whole_burst(target, width, tokens, round_))
                seen[name][width].append(sample)
                print(
                    f"round {round_ + 1}, {width:>2} streams, {name}: {sample.tokens_per_second:.1f} tokens/s"
                    f", first token after {sample.first_token_ms:.0f} ms",
                    flush=True,
                )
    return seen


def table(seen: dict[str, dict[int, list[Burst]]], streams: Sequence[int]) -> dict[str, Any]:
    """Medians, and ours over the better of theirs, round by round."""
    figures: dict[str, Any] = {}
    for width in streams:
        for name, samples in seen.items():
            speed = statistics.median(s.tokens_per_second for s in samples[width])
            first = statistics.median(s.first_token_ms for s in samples[width])
            figures[f"{width:>2} streams, {name}"] = f"{speed:8.1f} tokens/s   first token {first:7.0f} ms"
        others = [samples[width] for name, samples in seen.items() if name != OURS]
        ours = seen[OURS][width]
        speedups = [
            mine.tokens_per_second / max(t.tokens_per_second for t in theirs)
            for mine, *theirs in zip(ours, *others, strict=True)
        ]
        waits = [
            mine.first_token_ms / min(t.first_token_ms for t in theirs)
            for mine, *theirs in zip(ours, *others, strict=True)
        ]
        figures[f"{width:>2} streams, ours over the better of theirs"] = (
            f"{statistics.median(speedups):8.2f} x          first token {statistics.median(waits):7.2f} x"
        )
    return figures


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=64, help="length of each answer")
    parser.add_argument("--blocks", default="32", help="cache blocks of transformers' continuous batching")
    parser.add_argument("--threads", type=int, default=2, help="torch threads of each server")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    threads = str(options.threads)
    os.environ["OMP_NUM_THREADS"] = threads  # how `transformers serve` is told
    with ExitStack() as stack:
        # Learning is off: this measures serving alone.
        server = stack.enter_context(
            serving(options.model, "--learning.enabled", "false", "--engine.threads", threads)
        )
        folder = resolve(options.model, server.home).path
        batching = ("--continuous-batching", "--cb-num-blocks", options.blocks)
        targets = {
            OURS: Target(httpx.URL(server.url).port or 80, server.model),
            THEIRS: stack.enter_context(transformers_serve(folder)),
            THEIRS_BATCHING: stack.enter_context(transformers_serve(folder, *batching)),
        }
        memory = stack.enter_context(MemoryWatch(server))
        figures = table(measure(targets, options.streams, options.tokens, options.rounds), options.streams)
        figures["Livegraft, all processes, resident"] = f"{memory.peak_mb:.0f} MB"
    width = max(len(key) for key in figures)
    print()
    for key, value in figures.items():
        print(f"{key:<{width}}  {value}")
    path = options.out or ROOT / "runs" / f"engine-{Path(options.model).name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"benchmark": "engine", "machine": machine(), "figures": figures}, indent=1))
    print(f"\nwritten to {path}")


if __name__ == "__main__":
    main()
