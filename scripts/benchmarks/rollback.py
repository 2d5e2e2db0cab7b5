"""Rollback: from the call to the first request answered by the old version, and whether every bit is back."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from scripts.benchmarks.common import Server, report, serving


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
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="seedling")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with serving(options.model, "--rollout.promote-after-seconds", "1") as server:
        figures = run(server, options.rounds)
    report(f"rollback-{options.model}", figures, options.out)


if __name__ == "__main__":
    main()
