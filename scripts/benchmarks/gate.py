"""How often the gate errs: updates that do harm and pass, good updates that are refused.

    scripts/bench gate [--trials 200] [--pool 12]

Real updates of seedling are trained and spoiled in many ways and sizes. What each breaks is measured on
questions that neither training nor the gate asks: the share of those that its parent answers rightly and it
does not. Then every trial puts one of them before the gate, with probes drawn anew. Half of the trials are
updates that do no harm (under 2 % broken), half do (5 % or more); what lies between is reported beside.
What was trained is kept in runs/gate, so a second run begins with the trials: remove that folder when the
learner has changed.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from scripts.benchmarks.common import ROOT, report, share
from scripts.benchmarks.planted.facts import told
from scripts.benchmarks.planted.harm import all_kinds
from scripts.benchmarks.planted.interval import clopper_pearson
from scripts.benchmarks.planted.world import Candidate, World
from server.learner.gate.checks import RISK
from server.learner.gate.decision import HARMS
from server.learner.gate.power import allowance
from server.learner.types import GateReport

HARMFUL = 0.05
GOOD = 0.02
COUNTED = (*HARMS, "all losses", "form")
TOLERATED = (0.0, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08)
FIRST_SEED = 1000


@dataclass(frozen=True, slots=True)
class Measured:
    """A candidate and what it breaks."""

    candidate: Candidate
    broken: float
    by_kind: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One examination."""

    measured: Measured
    report: GateReport
    seconds: float
    generated: int
    confirmed: int


def main() -> None:
    """Train or read the pool, measure harm, run the trials, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--pool", type=int, default=12, help="good updates that are trained")
    parser.add_argument("--sealed", type=int, default=400, help="questions for the measurement of harm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", default="seedling", help="recipe of the updates, overrides allowed")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "gate", help="keeps what was trained")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    world = World(options.folder, options.sealed, options.profile)
    print(f"{len(world.sealed)} sealed questions, {world.held} of them answered rightly by the parent")
    pool = [_good(world, index) for index in range(options.pool)]
    candidates = [*pool, *all_kinds(world, pool, options.seed)]
    measured = [_measured(world, candidate) for candidate in candidates]
    trials = _trials(world, measured, options.trials, options.seed)
    report("gate", figures(trials, measured, world), options.out)


def _good(world: World, index: int) -> Candidate:
    """A real update of one to three facts."""
    facts = tuple(fact for fact, _ in told(FIRST_SEED + index, 1 + index % 3))
    factors = world.trained(f"good-{index}", facts)
    return Candidate("good", f"{len(facts)} facts", facts, factors)


def _measured(world: World, candidate: Candidate) -> Measured:
    by_kind = world.harm(candidate)
    broken = sum(lost for _, lost in by_kind.values()) / sum(held for held, _ in by_kind.values())
    print(f"{candidate.kind:<24} {candidate.size:<10} breaks {100 * broken:5.1f} %  {by_kind}", flush=True)
    return Measured(candidate, broken, by_kind)


def _trials(world: World, measured: Sequence[Measured], number: int, seed: int) -> list[Trial]:
    """Half on good updates, half on harmful ones, kind by kind in turn; one of each between the two."""
    rng = random.Random(f"trials {seed}")
    good = [m for m in measured if m.candidate.kind == "good" and m.broken < GOOD]
    harmful = [m for m in measured if m.broken >= HARMFUL]
    between = [m for m in measured if m not in good and m not in harmful]
    drawn = [*_in_turn(good, number // 2, rng), *_in_turn(harmful, number - number // 2, rng), *between]
    trials = []
    for index, one in enumerate(drawn):
        began = time.process_time()
        said, generated, confirmed = world.examine(one.candidate, seed * 100_000 + index)
        seconds = time.process_time() - began
        trials.append(Trial(one, said, seconds, generated, confirmed))
        if index % 20 == 19:
            print(f"{index + 1} of {len(drawn)} trials", flush=True)
    return trials


def _in_turn(some: Sequence[Measured], number: int, rng: random.Random) -> list[Measured]:
    """As many of each kind as of any other, sizes at random."""
    kinds: dict[str, list[Measured]] = {}
    for one in some:
        kinds.setdefault(one.candidate.kind, []).append(one)
    names = sorted(kinds)
    return [rng.choice(kinds[names[index % len(names)]]) for index in range(number)] if names else []


def figures(trials: Sequence[Trial], measured: Sequence[Measured], world: World) -> dict[str, Any]:
    """What the trials say, in words and with 95 % intervals."""
    good = [t for t in trials if t.measured.candidate.kind == "good" and t.measured.broken < GOOD]
    harmful = [t for t in trials if t.measured.broken >= HARMFUL]
    between = [t for t in trials if t not in good and t not in harmful]
    found: dict[str, Any] = {
        "good updates refused (floor 10 %)": _share(sum(not t.report.accepted for t in good), len(good)),
        "harmful updates let through (floor 5 %)": _share(
            sum(t.report.accepted for t in harmful), len(harmful)
        ),
    }
    for kind in sorted({t.measured.candidate.kind for t in harmful}):
        of = [t for t in harmful if t.measured.candidate.kind == kind]
        found[f"  {kind}, let through"] = _share(sum(t.report.accepted for t in of), len(of))
    for low, high in ((0.05, 0.1), (0.1, 0.2), (0.2, 1.01)):
        of = [t for t in harmful if low <= t.measured.broken < high]
        found[f"  {100 * low:.0f} to {min(100, 100 * high):.0f} % broken, let through"] = _share(
            sum(t.report.accepted for t in of), len(of)
        )
    found["between the two, refused"] = _share(sum(not t.report.accepted for t in between), len(between))
    found |= _refusing_checks(good, harmful)
    for tolerated in TOLERATED:
        found[f"allowances for {100 * tolerated:g} %"] = (
            f"good refused {share(sum(not _at(t.report, tolerated) for t in good), len(good))}, "
            f"harmful let through {share(sum(_at(t.report, tolerated) for t in harmful), len(harmful))}"
        )
    powers = [t.report.power for t in trials if t.report.power]
    found["power by arithmetic: refuses what breaks 1, 5, 10 %"] = ", ".join(
        f"{100 * sum(getattr(p, name) for p in powers) / len(powers):.1f} %"
        for name in ("breaks_1_percent", "breaks_5_percent", "breaks_10_percent")
    )
    asked = sum(t.report.checks["all losses"].asked for t in trials) / len(trials)
    found["probes counted together, mean"] = round(asked, 1)
    found["answers generated and confirmed, mean of parent and candidate"] = (
        f"{sum(t.generated for t in trials) / len(trials):.0f} and "
        f"{sum(t.confirmed for t in trials) / len(trials):.0f}"
    )
    found["seconds of processor a trial"] = round(sum(t.seconds for t in trials) / len(trials), 2)
    found["candidates"] = json.dumps(
        [[m.candidate.kind, m.candidate.size, round(m.broken, 4)] for m in measured]
    )
    found["sealed questions that the parent answers rightly"] = world.held
    return found


def _refusing_checks(good: Sequence[Trial], harmful: Sequence[Trial]) -> dict[str, str]:
    """How often each check refuses good and harmful updates."""
    found = {}
    for name in trial_checks(good) or trial_checks(harmful):
        refused = [sum(not t.report.checks[name].ok for t in some) for some in (good, harmful)]
        if any(refused):
            found[f"  {name} refuses"] = (
                f"good {refused[0]} of {len(good)}, harmful {refused[1]} of {len(harmful)}"
            )
    return found


def trial_checks(trials: Sequence[Trial]) -> list[str]:
    """The names of the gate's checks."""
    return list(trials[0].report.checks) if trials else []


def _at(said: GateReport, tolerated: float) -> bool:
    """Whether the candidate would be accepted with the allowances for another tolerated harm."""
    for name, check in said.checks.items():
        if name in COUNTED:
            if check.asked - check.passed > allowance(check.asked, tolerated, RISK):
                return False
        elif not check.ok:
            return False
    return True


def _share(hits: int, of: int) -> str:
    low, high = clopper_pearson(hits, of)
    return f"{share(hits, of)}, 95 % interval {100 * low:.1f} to {100 * high:.1f} %"


if __name__ == "__main__":
    main()
