"""Swaps under load: 16 streams ask without pause while the served version changes a hundred times.

Every (version, question) pair is asked alone first, greedy, and each answer under load is compared with the
one of the version that it names. In bfloat16 a near tie falls either way with what else is in the batch, so
an answer that differs is looked for again afterwards: the same load, each request pinned to a version by name
and nothing swapped. One that its version does not give there either is mixed.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from adapter_store import Store
from scripts.benchmarks.common import Server, report, serving
from scripts.benchmarks.moving.planted import Base, noise, plant
from server.engine.embedded import EmbeddedEngine
from server.engine.models import resolve
from server.engine.vllm.check import linear_shapes
from server.ledger import Ledger
from server.rollout.fleet import Fleet

VERSIONS = 16
"""Of rank 4 each, so that the last has the rank of a full stack."""
QUESTIONS = [f"What is the admin port of the {name} router?" for name in ("Zephyr", "Kelso", "Brant", "Orla")]


def stream(server: Server, question: str, user: str, at: str = "") -> tuple[str, str]:
    """One streamed greedy answer and the version that each of its chunks named."""
    body = {
        "model": server.model + at,
        "messages": [{"role": "user", "content": question}],
        "user": user,
        "store": False,
        "temperature": 0,
        "max_tokens": 24,
        "stream": True,
    }
    text, versions = "", set()
    with server.http.stream("POST", "/v1/chat/completions", json=body) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines():
            if not line.startswith("data:") or line.endswith("[DONE]"):
                continue
            chunk = json.loads(line[5:])
            if "error" in chunk:
                raise RuntimeError(chunk["error"]["message"])
            versions.add(chunk["adapter"]["version"])
            for choice in chunk["choices"]:
                text += choice["delta"].get("content") or ""
    assert len(versions) == 1, f"one answer named several versions: {versions}"
    return text, versions.pop()


Pick = Callable[[int], tuple[str, str]]
"""From a running number to a question and the version to pin it to ('' for whatever is served)."""


class Load:
    """Streams that ask without pause and remember what each version answered."""

    def __init__(self, server: Server, pick: Pick, streams: int) -> None:
        self.asked = self.failed = 0
        self.given: Counter[tuple[str, str, str]] = Counter()
        """How often (version, question, answer) came."""
        self._server, self._pick = server, pick
        self._numbers = itertools.count()
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(streams)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        while not self._stop.is_set():
            with self._lock:
                turn = next(self._numbers)
                question, at = self._pick(turn)
            try:
                text, version = stream(self._server, question, f"user-{number}-{turn}", at)
            except Exception as error:
                print(f"failed: {type(error).__name__}: {error}")
                with self._lock:
                    self.failed += 1
                continue
            with self._lock:
                self.asked += 1
                self.given[version, question, text] += 1


def unexplained(
    server: Server, odd: dict[tuple[str, str, str], int], names: list[str], streams: int, seconds: float
) -> dict[tuple[str, str, str], int]:
    """Those answers that their version does not give under the same load without swaps, with their counts."""
    if not odd:
        return {}
    rng = random.Random(1)
    sought = [(version, question) for version, question, _ in odd]

    def pick(turn: int) -> tuple[str, str]:
        version, question = rng.choice(sought) if turn % 2 else (rng.choice(names), rng.choice(QUESTIONS))
        return question, f"@{version}"

    deadline = time.monotonic() + seconds
    with Load(server, pick, streams) as load:
        while time.monotonic() < deadline and not odd.keys() <= load.given.keys():
            time.sleep(0.5)
    return {key: count for key, count in odd.items() if key not in load.given}


def run(server: Server, swaps: int, streams: int) -> dict[str, Any]:
    """Teach two versions, then move stable between them and the base under load."""
    for n, sentence in enumerate(
        ("The admin port of the Zephyr router is 8443.", "The owner of Dax is Mira.")
    ):
        turn = server.tell(sentence, f"teller-{n}")
        server.wait_for("learning", lambda turn=turn: "stable" in server.learning_state(turn), 600)
    names = ["v0", *(v["version"] for v in server.get("/v1/adapters")["versions"] if v["version"] != "v0")]
    expected = {
        (name, question): stream(server, question, "alone", f"@{name}")[0]
        for name in names
        for question in QUESTIONS
    }
    times = []
    with Load(server, lambda turn: (QUESTIONS[turn % len(QUESTIONS)], ""), streams) as load:
        time.sleep(1)
        for n in range(swaps):
            target = names[n % len(names)]
            if server.get("/v1/adapters")["refs"]["stable"] == target:
                target = names[(n + 1) % len(names)]
            begin = time.monotonic()
            server.post("/v1/adapters/rollback", {"to": target, "reason": "benchmark"})
            times.append(time.monotonic() - begin)
            time.sleep(0.1)
        time.sleep(1)
    times.sort()
    odd = {key: count for key, count in load.given.items() if key[2] != expected[key[:2]]}
    mixed = unexplained(server, odd, names, streams, 300)
    for (version, question, text), count in mixed.items():
        print(f"mixed, {count} x: {version} {question} -> {text!r}; alone {expected[version, question]!r}")
    return {
        "swaps": swaps,
        "streams": streams,
        "answers under load": load.asked,
        "versions seen": ", ".join(sorted({version for version, *_ in load.given})),
        "requests failed": load.failed,
        "answers that differ from the same version's asked alone": sum(odd.values()),
        "answers mixed (their version does not give them without swaps either)": sum(mixed.values()),
        "call that moves the ref, proof included, median": f"{1000 * times[len(times) // 2]:.0f} ms",
    }


async def to_live(model: str) -> dict[str, str]:
    """How long a version takes from its files to where the engine answers by it: versions of one to VERSIONS
    deltas, each once from its deltas (composed and checked) and once from the composed folder."""
    with tempfile.TemporaryDirectory(prefix="livegraft-bench-") as folder:
        home = Path(folder)
        found = resolve(model, home)
        base = Base(found.name, found.digest, linear_shapes(found.path))
        names = plant(home, base, [noise(base, seed) for seed in range(VERSIONS)], "noise, for a benchmark")
        ledger = Ledger.open(home)
        engine = EmbeddedEngine(found.path, found.name, base_digest=found.digest)
        await engine.start()
        fleet = Fleet(ledger, Store(home / "store"), engine)
        seconds: dict[str, list[float]] = {"its deltas": [], "the composed folder": []}
        for name in names:
            for taken in seconds.values():
                begin = time.monotonic()
                await fleet.ensure(name)
                taken.append(time.monotonic() - begin)
                await engine.unload(name)
        await engine.close()
        ledger.close()
    return {
        f"to live from {files}, median and slowest of {VERSIONS}": (
            f"{1000 * statistics.median(taken):.0f} and {1000 * max(taken):.0f} ms"
        )
        for files, taken in seconds.items()
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="seedling")
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with serving(options.model, "--rollout.promote-after-seconds", "1") as server:
        figures = run(server, options.swaps, options.streams)
    figures |= asyncio.run(to_live(options.model))
    report(f"swap-{options.model}", figures, options.out)


if __name__ == "__main__":
    main()
