"""How the rollout decides: synthetic users, the server's own router, tally and rule, against the usual tests.

For each population (uneven activity, uneven risk) and each candidate (harmless; three times, twice the harm;
half of it) rollouts are run to their end in simulated time, and asked about after every turn:

    paired      as served: stored turns are replayed before anybody meets the canary, guardrails after
    live        guardrails alone, no replay
    coin        guardrails alone, half of the conversations of the slice's users on the canary
    halves      as paired, in the steps 50 % and 100 %, for few users
    z peeked    a z-test on turns at a slice of 20 %, looked at after every turn
    z once      the same, looked at once, after 2,000 turns

Told of each: withdrawn (a false rollback where the candidate is harmless), by which evidence; promoted;
undecided after 72 hours or sent back to the queue; withdrawn before everybody met it; hours to the end; the
share of users that the canary had answered when it ended, median. Every run is drawn from the seed. Then the
router over 10,000 users, and the time of a decision after a million turns in a ledger.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scripts.benchmarks.common import ROOT, machine
from scripts.benchmarks.crowd.drive import Drive, Outcome
from scripts.benchmarks.crowd.history import measure
from scripts.benchmarks.crowd.people import CROWDS, KINDS, Crowd, People
from scripts.benchmarks.crowd.rivals import z_test
from server.rollout.types import RolloutPolicy
from server.router import choose
from server.types import Arm, Refs, Rollout

CANDIDATES = {"harmless": 1.0, "3x harm": 3.0, "2x harm": 2.0, "helpful": 0.5}
RULES = ("paired", "live", "coin", "halves", "z peeked", "z once")
SERVED = RolloutPolicy(mode="evidence")
ALONE = replace(SERVED, replay=False)
POLICIES = {
    "paired": SERVED,
    "live": ALONE,
    "coin": replace(ALONE, coin=0.5),
    "halves": replace(SERVED, steps=(0.5, 1.0)),
}
FEWER = {10_000: 5}
LESS_ASKED = {"2x harm": 4, "helpful": 4}
"""By how much fewer runs there are of the largest population and of the candidates between."""


def one(rule: str, crowd: Crowd, harm: float, seed: str) -> Outcome:
    """One rollout."""
    rng = np.random.default_rng(list(seed.encode()))
    people = People(crowd, harm, rng)
    if rule.startswith("z"):
        return z_test(people, seed, peeking=rule == "z peeked")
    return Drive(people, POLICIES[rule], seed).run()


def row(rule: str, crowd: Crowd, candidate: str, runs: int, seed: int) -> dict[str, Any]:
    """All rollouts of one rule, population and candidate."""
    begin = time.perf_counter()
    ends = [
        one(rule, crowd, CANDIDATES[candidate], f"{seed}/{crowd.name}/{candidate}/{n}") for n in range(runs)
    ]
    withdrawn = [end for end in ends if end.action in ("rollback", "reject")]
    return {
        "crowd": crowd.name,
        "candidate": candidate,
        "rule": rule,
        "runs": runs,
        "withdrawn": len(withdrawn) / runs,
        "causes": dict(Counter(end.cause for end in withdrawn)),
        "promoted": sum(end.action == "promote" for end in ends) / runs,
        "undecided": sum(end.action in ("hold", "revert") for end in ends) / runs,
        "before everybody": sum(end.weight < 1 for end in withdrawn) / runs,
        "hours": round(statistics.median(end.hours for end in ends), 2),
        "exposed": round(statistics.median(end.exposed for end in ends), 4),
        "exposed when withdrawn": round(statistics.median(end.exposed for end in withdrawn), 4)
        if withdrawn
        else None,
        "seconds a run": round((time.perf_counter() - begin) / runs, 3),
    }


def sticky(users: int, salts: int) -> dict[str, Any]:
    """The router over 10,000 users and the steps of a rollout: shares, and who was moved back to stable."""
    off, switched, turned = 0.0, 0, 0
    for n in range(salts):
        before: set[int] = set()
        for weight in SERVED.steps:
            rollout = Rollout("r", "v1", f"salt-{n}", weight, "canary", 0.0)
            asked = [choose(f"user-{user}", Refs("v0", "v1"), rollout).arm for user in range(users)]
            again = [choose(f"user-{user}", Refs("v0", "v1"), rollout).arm for user in range(users)]
            now = {user for user, arm in enumerate(asked) if arm is Arm.CANARY}
            off = max(off, abs(len(now) / users - weight))
            switched += len(before - now)
            turned += asked != again
            before = now
    return {
        "users": users,
        "salts": salts,
        "furthest from the weight, points": round(100 * off, 2),
        "users moved back to stable": switched,
        "users whose arm changed at one weight": turned,
    }


def table(found: Sequence[dict[str, Any]]) -> list[str]:
    """One line a row."""
    head = (
        "crowd",
        "candidate",
        "rule",
        "runs",
        "withdrawn",
        "promoted",
        "undecided",
        "<100 %",
        "hours",
        "exposed",
    )
    lines = [f"{head[0]:<24}{head[1]:<11}{head[2]:<10}" + "".join(f"{name:>10}" for name in head[3:])]
    for r in found:
        shares = "".join(
            f"{100 * r[k]:>9.1f}%" for k in ("withdrawn", "promoted", "undecided", "before everybody")
        )
        causes = ", ".join(f"{cause} {count}" for cause, count in sorted(r["causes"].items()))
        lines.append(
            f"{r['crowd']:<24}{r['candidate']:<11}{r['rule']:<10}{r['runs']:>10}{shares}{r['hours']:>10.1f}"
            f"{100 * r['exposed']:>9.1f}%  {causes}"
        )
    return lines


def targets(
    found: Sequence[dict[str, Any]], split: dict[str, Any], decision: dict[str, Any]
) -> dict[str, str]:
    """What was to be reached, and what was."""

    def of(rule: str, candidate: str, crowd: str = "") -> list[dict[str, Any]]:
        return [
            r for r in found if (r["rule"], r["candidate"]) == (rule, candidate) and crowd in ("", r["crowd"])
        ]

    def told(rows: list[dict[str, Any]], key: str, worst: Any) -> str:
        if not rows:
            return "not run"
        found = worst(rows, key=lambda r: r[key])
        return f"{100 * found[key]:.1f} % ({found['crowd']}, {found['rule']}, {found['runs']} runs)"

    ours = [
        *of("paired", "harmless"),
        *of("live", "harmless"),
        *of("coin", "harmless"),
        *of("halves", "harmless"),
    ]
    many, points = "1,000 users", split["furthest from the weight, points"]
    return {
        "harmless withdrawn, worst population, <= 5 %": told(ours, "withdrawn", max),
        "3x harm caught before 100 %, paired, worst, >= 95 %": told(
            of("paired", "3x harm"), "before everybody", min
        ),
        "3x harm caught before 100 %, live, 1,000 users, >= 60 %": told(
            of("live", "3x harm", many), "before everybody", min
        ),
        "users exposed to 3x harm, median, paired, 1,000 users, <= 5 %": told(
            of("paired", "3x harm", many), "exposed", max
        ),
        "users exposed to 3x harm, median, live, 1,000 users": told(
            of("live", "3x harm", many), "exposed", max
        ),
        "share on the canary, 10,000 users, within 1 point": f"{points} points",
        "users switched arms, 0": str(split["users moved back to stable"]),
        f"count and decide after {decision['turns']:,} turns, <= 50 ms": (
            f"{decision['count a turn and decide, median ms']} ms, slowest {decision['slowest ms']} ms"
        ),
    }


def main() -> None:
    """Command line. Finished rows are kept, and a second call with the same flags goes on from there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rules", default=",".join(RULES))
    parser.add_argument("--candidates", default=",".join(CANDIDATES))
    parser.add_argument(
        "--crowds", default="1,2,3,4,5,6,7", help="populations by number, separated by commas"
    )
    parser.add_argument("--turns", type=int, default=1_000_000, help="of history when a decision is timed")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "rollout.json")
    options = parser.parse_args()
    head = {"benchmark": "rollout", "seed": options.seed, "asked": options.runs, "machine": machine()}
    found: list[dict[str, Any]] = []
    if options.out.is_file():
        before = json.loads(options.out.read_text())
        found = before["rows"] if (before["seed"], before["asked"]) == (options.seed, options.runs) else []
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for crowd in (CROWDS[int(number) - 1] for number in options.crowds.split(",")):
        for candidate in options.candidates.split(","):
            fewer = FEWER.get(crowd.users, 1) * LESS_ASKED.get(candidate, 1)
            runs = max(1, options.runs // fewer)
            for rule in options.rules.split(","):
                known = [(r["crowd"], r["candidate"], r["rule"]) for r in found]
                if (crowd.name, candidate, rule) in known:
                    continue
                found.append(row(rule, crowd, candidate, runs, options.seed))
                print(table(found[-1:])[1], flush=True)
                options.out.write_text(json.dumps({**head, "rows": found}, indent=1))
    split, decision = sticky(10_000, 3), measure(options.turns)
    reached = targets(found, split, decision)
    print("\n".join(["", *(f"{what:<64}{value}" for what, value in reached.items())]))
    kept = {**head, "kinds": KINDS, "rows": found, "router": split, "decide": decision, "targets": reached}
    options.out.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
