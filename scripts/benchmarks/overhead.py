"""What API, router and durable ledger add to an answer, over the bare engine.

Pairs, one after another on the same machine: the same greedy request once through a bare server (the engine
behind the thinnest possible HTTP route, in a process of its own) and once through Livegraft with its commit
to disk. "Added" compares the two distributions at their median and 99th percentile.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from scripts.benchmarks.common import percentile, report, serving
from scripts.benchmarks.traffic.bare import bare_server

QUESTION = "What is the admin port of the Zephyr router?"


def timed(client: httpx.Client, body: dict[str, Any]) -> tuple[float, httpx.Response]:
    """Milliseconds of one request."""
    begin = time.perf_counter()
    answer = client.post("/v1/chat/completions", json=body)
    answer.raise_for_status()
    return 1000 * (time.perf_counter() - begin), answer


def both(values: Sequence[float]) -> str:
    """Median and 99th percentile in words."""
    return f"{percentile(values, 0.5):.1f} / {percentile(values, 0.99):.1f} ms"


def run(plain: httpx.Client, full: httpx.Client, model: str, rounds: int, tokens: int) -> dict[str, Any]:
    """Ask both in turn."""
    bare_ms, full_ms, header_ms = [], [], []
    for n in range(rounds + 10):
        body: dict[str, Any] = {
            "model": model,
            "messages": [{"role": "user", "content": QUESTION}],
            "temperature": 0,
            "max_tokens": tokens,
            "user": f"user-{n}",
        }
        without, _ = timed(plain, body)
        through, answer = timed(full, body)
        if n >= 10:  # both are warm by then
            bare_ms.append(without)
            full_ms.append(through)
            header_ms.append(float(answer.headers["x-livegraft-overhead-ms"]))
    return {
        "requests each": rounds,
        "bare engine over HTTP, p50 / p99": both(bare_ms),
        "through Livegraft, p50 / p99": both(full_ms),
        "added at the median": f"{percentile(full_ms, 0.5) - percentile(bare_ms, 0.5):.1f} ms",
        "added at the 99th percentile": f"{percentile(full_ms, 0.99) - percentile(bare_ms, 0.99):.1f} ms",
        "the server's own count (x-livegraft-overhead-ms), p50 / p99": both(header_ms),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="seedling")
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=8, help="tokens an answer, few so that the rest shows")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    # Learning is off: the same questions over and over would teach nothing, and this measures serving alone.
    with (
        serving(options.model, "--learning.enabled", "false") as server,
        bare_server(options.model, server.home) as target,
        httpx.Client(base_url=f"http://127.0.0.1:{target.port}", timeout=60) as plain,
    ):
        figures = run(plain, server.http, options.model, options.rounds, options.tokens)
    report(f"overhead-{options.model}", figures, options.out)


if __name__ == "__main__":
    main()
