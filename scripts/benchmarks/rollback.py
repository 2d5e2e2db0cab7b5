"""Rollback: how soon it holds for new requests, and whether every bit is back.

With one process, on a real model that learns a fact: from the call to the first request answered by the
other version. With several (`--workers 4 --replicas 2`), under load from many clients: from the call to the
last new request that the version before still answered, over all processes, and whether any request failed.
Several processes share replicas of vLLM (`--vllm-program`; what `scripts/setup vllm` installs when it is
there), or have the scripted engine in each; their versions are random numbers that the benchmark puts in.
"""

from __future__ import annotations

import argparse
import shlex
import time
from pathlib import Path
from typing import Any

from scripts.benchmarks.common import ROOT, Server, report, serving
from scripts.benchmarks.moving import everywhere


def run(server: Server, rounds: int) -> dict[str, Any]:
    """Learn one fact, then roll back and forth, comparing the proofs."""
    first = server.get("/v1/adapters/v0/proof")
    turn = server.tell("The admin port of the Zephyr router is 8443.", "teller")
    server.wait_for("learning", lambda: "stable" in server.learning_state(turn), 600)
    learned = server.get("/v1/adapters")["refs"]["stable"]
    proof = server.get(f"/v1/adapters/{learned}/proof")
    delays, same = [], 0
    for _ in range(rounds):
        for target, wanted in (("v0", first), (learned, proof)):
            begin = time.monotonic()
            answer = server.post("/v1/adapters/rollback", {"to": target, "reason": "benchmark"})
            while server.ask("Hello!", "asker", max_tokens=1)[1]["version"] != target:
                pass
            delays.append(time.monotonic() - begin)
            same += answer["proof"]["files"] == wanted["files"] and (
                answer["proof"]["logits_sha256"] == wanted["logits_sha256"]
            )
    delays.sort()
    return {
        "moves": len(delays),
        "call to first answer of the other version, median": f"{delays[len(delays) // 2]:.3f} s",
        "slowest": f"{delays[-1]:.3f} s",
        "proofs bit-identical": f"{same} of {len(delays)}",
        "logits differ between the two versions": first["logits_sha256"] != proof["logits_sha256"],
    }


def main() -> None:
    """Command line."""
    options = _options()
    if options.workers == 1:
        with serving(options.model, "--rollout.promote-after-seconds", "1") as server:
            figures = run(server, options.rounds)
        report(f"rollback-{options.model}", figures, options.out)
        return
    program = options.vllm_program if options.vllm_program and options.vllm_program.exists() else None
    flags = [word for setting in options.livegraft for word in _flag(setting)]
    arguments = shlex.split(options.vllm_arguments)
    with everywhere.served(program, options.workers, options.replicas, arguments, flags) as server:
        found = everywhere.run(server, options.moves, options.streams, options.tokens)
    for error in found.failed[:5]:
        print(f"failed: {error}")
    engine = f"{options.replicas} replicas of {program}" if program else "scripted, one in each process"
    report(
        f"rollback-{options.workers}-processes",
        {"engine": engine, "clients": options.streams} | found.figures(),
        options.out,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="seedling", help="with one process")
    parser.add_argument("--rounds", type=int, default=10, help="with one process")
    parser.add_argument("--workers", type=int, default=1, help="server processes")
    parser.add_argument("--replicas", type=int, default=2, help="of vLLM, for several processes")
    parser.add_argument("--moves", type=int, default=50)
    parser.add_argument("--streams", type=int, default=32, help="clients that ask without pause")
    parser.add_argument("--tokens", type=int, default=8, help="length of each answer")
    parser.add_argument("--vllm-program", type=Path, default=ROOT / ".venv-vllm" / "bin" / "vllm")
    parser.add_argument("--vllm-arguments", default="", help='more of its own, such as "--enforce-eager"')
    parser.add_argument("--livegraft", nargs="*", default=[], help="further name=value settings of ours")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def _flag(setting: str) -> tuple[str, str]:
    name, _, value = setting.partition("=")
    return f"--{name.replace('_', '-')}", value


if __name__ == "__main__":
    main()
