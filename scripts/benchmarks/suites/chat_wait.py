"""Whether chat waits for the guardian: the same requests with the guardian idle and with it always working.

Server, guardian and this client need a core each: with fewer they wait for each other, whatever is built.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scripts.benchmarks.common import Server, percentile, serving
from scripts.benchmarks.suites import own

ROUNDS = 10
REQUESTS = 30
"""Chat requests of each kind a round; rounds alternate, so that what else the machine does falls on both."""


def waited(model: str) -> dict[str, str]:
    """Milliseconds of a chat answer, p50 and p99, and the ratio of working to idle."""
    flags = ("--engine.kind", "fake") if model == "fake" else ()
    idle: list[float] = []
    working: list[float] = []
    judged = 0
    with serving("seedling" if model == "fake" else model, *flags, "--learning.enabled", "false") as server:
        numbers = itertools.count()
        _asked(server, numbers)
        for _ in range(ROUNDS):
            idle += _asked(server, numbers)
            with _judging(server) as count:
                working += _asked(server, numbers)
            judged += count[0]
    figures = {"requests of each kind": str(len(idle)), "examples judged meanwhile": str(judged)}
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        alone, beside = percentile(idle, share), percentile(working, share)
        figures[f"answer, {name}, guardian idle and working"] = (
            f"{alone:.1f} and {beside:.1f} ms ({beside / alone:.2f} x)"
        )
    return figures


def _asked(server: Server, numbers: Iterator[int]) -> list[float]:
    taken = []
    for n in itertools.islice(numbers, REQUESTS):
        began = time.perf_counter()
        server.ask(f"What is the admin port of router {n}?", f"user-{n}", max_tokens=16)
        taken.append(1000 * (time.perf_counter() - began))
    return taken


@contextmanager
def _judging(server: Server) -> Iterator[list[int]]:
    """The guardian judges one example after another; yields how many so far."""
    done, count = threading.Event(), [0]

    def work() -> None:
        for fact in itertools.cycle(own.facts()):
            if done.is_set():
                return
            example: dict[str, Any] = {"prompt": fact.prompt, "completion": fact.completion}
            server.post("/v1/guardian/check", {"examples": [example], "source": fact.source, "user": "ada"})
            count[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield count
    finally:
        done.set()
        thread.join()
