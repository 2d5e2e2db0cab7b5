"""A rollout on evidence lives by itself: a good candidate is promoted, poisoned ones are withdrawn.

A real server with keys and seedling, people who chat with it over HTTP, and short times. An operator's key
tells a few honest facts; the version that is learned from them goes through shadow, steps and bake. Then this
benchmark, not the learner, puts two poisoned versions in, past the gate, with the store's and the ledger's
own functions: random numbers on top of stable, and again on a server that replays nothing and knows no drift,
where only what users show can tell. Nobody moves anything: each ends by the rule, and how is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.benchmarks.common import Server, all_shown, ask_all, holds, report, serving, settled, share
from scripts.benchmarks.loop import Material, narrow
from scripts.benchmarks.moving.diary import Diary
from scripts.benchmarks.moving.people import People
from scripts.benchmarks.moving.planted import Base, noise, plant
from server.engine.models import resolve
from server.engine.vllm.check import linear_shapes

PEOPLE_KEY, OPERATOR_KEY = "key-of-the-people", "key-of-the-operator"
KEYS = [
    {"name": "app", "key": PEOPLE_KEY, "scopes": ["chat", "feedback"], "may_speak_for_others": True},
    {"name": "ops", "key": OPERATOR_KEY, "scopes": ["chat", "feedback", "operator"]},
]
BLIND = ("--rollout.replay", "false", "--rollout.drift-limit-nats", "0")
"""Without replay there are no pairs, and no drift is measured: users alone can tell."""
POISON = "random numbers, put in by a benchmark, past the gate"
Outcome = tuple[str, str, dict[str, Any]]


class Soak:
    """One home, served more than once."""

    def __init__(self, options: argparse.Namespace, home: Path) -> None:
        self._options, self._home = options, home
        self._material: Material = narrow(options.seed)
        self.diary = Diary()
        self.figures: dict[str, Any] = {}

    @contextmanager
    def _served(self, *flags: str) -> Any:
        options = self._options
        told = (
            *("--rollout.mode", "evidence", "--rollout.steps", options.steps),
            *("--rollout.dwell-seconds", str(options.dwell), "--rollout.bake-seconds", str(options.dwell)),
            *("--rollout.min-conversations", str(options.conversations)),
            *("--rollout.margin", str(options.margin), "--learning.batch-window-seconds", "30"),
        )
        with serving("seedling", *told, *flags, home=self._home) as server:
            server.http.headers["authorization"] = f"Bearer {OPERATOR_KEY}"
            people = People(
                server.url,
                server.model,
                PEOPLE_KEY,
                options.people,
                self._material.general,
                options.at_once,
                options.think,
            )
            with people:
                yield server, people
            told_of = people.told
            self.diary.note(
                f"people: {told_of.asked} answers, {told_of.wrong} wrong, {told_of.failed} failed"
            )

    def good(self) -> None:
        """Honest facts, learned and promoted; then the first poison, on the same server."""
        with self._served() as (server, people):
            server.wait_for(
                "chatting", lambda: people.turns >= self._options.turns, self._options.minutes * 60
            )
            self.diary.note(f"{people.turns} answers were given; {self._options.facts} facts are told")
            facts = self._material.facts[: self._options.facts]
            turns = [server.tell(fact.sentence, "ops") for fact in facts]
            with people.asleep():
                server.wait_for("learning", lambda: settled(server, turns), self._options.minutes * 60)
            candidate = _candidate(server, turns)
            self.diary.note(f"learned: {candidate}; people speak again")
            self._note("a good candidate", self._follow(server, candidate))
            # What was learned apart is shown after it, and would be stable before the poison's turn.
            server.wait_for("showing the rest", lambda: all_shown(server), self._options.minutes * 60)
            self._poison(server, "a poisoned candidate", 1)

    def blind(self) -> None:
        """The poison again where nothing is replayed."""
        with self._served(*BLIND) as (server, _):
            self._poison(server, "a poisoned candidate, without replay and drift", 2)

    def _poison(self, server: Server, what: str, seed: int) -> None:
        stable = server.get("/v1/adapters")["refs"]["stable"]
        folder = resolve("seedling", self._home)
        base = Base(folder.name, folder.digest, linear_shapes(folder.path))
        (name,) = plant(self._home, base, [noise(base, seed, self._options.noise)], POISON, stable)
        self.diary.note(f"{name} is put in: {POISON}, on {stable}")
        outcome = self._follow(server, name)
        self._note(what, outcome)
        right = [self._right(server, at) for at in (stable, name)]
        self.figures[f"{what}, general questions right with stable, and with it"] = ", ".join(right)
        assert server.get("/v1/adapters")["refs"] == {"stable": stable, "canary": None}

    def _right(self, server: Server, at: str) -> str:
        """Asked for by name, by an operator, after the rollout: no part of its evidence."""
        known = self._material.general[:40]
        answers = ask_all(server, [question for question, _ in known], f"@{at}", "operator", 32)
        return share(sum(holds(a, values) for a, (_, values) in zip(answers, known, strict=True)), len(known))

    def _follow(self, server: Server, version: str) -> Outcome:
        return self.diary.follow(server, version, self._options.minutes * 60)

    def _note(self, what: str, outcome: Outcome) -> None:
        how, why, last = outcome
        self.figures[what] = f"{how}: {why}"
        units = last.get("units", {})
        met = f"{units.get('users_on_canary', 0)} of {units.get('users', 0)} users"
        self.figures[f"{what}, met by"] = f"{met}, last as {last.get('state', 'nothing that was seen')}"


def _candidate(server: Server, turns: Sequence[str]) -> str:
    """The first version that carries one of these turns. Raises RuntimeError with their states."""
    found = [server.get(f"/v1/turns/{turn}") for turn in turns]
    versions = [str(one["version"]) for turn in found for one in turn["versions"]]
    if not versions:
        raise RuntimeError(f"nothing was learned: {[turn['state'] for turn in found]}")
    return min(versions, key=lambda name: int(name[1:]))


def main() -> None:
    """Command line."""
    options = _options()
    os.environ["LIVEGRAFT_KEYS"] = json.dumps(KEYS)
    with tempfile.TemporaryDirectory(prefix="livegraft-soak-") as folder:
        soak = Soak(options, Path(folder))
        soak.good()
        if options.blind:
            soak.blind()
    print()
    report("soak", soak.figures, options.out, diary=soak.diary.lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--people", type=int, default=60)
    parser.add_argument("--think", type=float, default=1.0, help="seconds before each of them speaks again")
    parser.add_argument("--at-once", type=int, default=4, help="how many of them speak at a time")
    parser.add_argument(
        "--turns", type=int, default=150, help="answers before anything is told: what is replayed"
    )
    parser.add_argument("--facts", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7, help="which unseen facts are told")
    parser.add_argument("--noise", type=float, default=0.5, help="standard deviation of the poison's factors")
    parser.add_argument("--steps", default="0.2,0.5,1")
    parser.add_argument("--dwell", type=float, default=15.0, help="seconds of each step, and of the bake")
    parser.add_argument("--conversations", type=int, default=10, help="new ones on the canary in each step")
    parser.add_argument("--margin", type=float, default=0.1)
    parser.add_argument("--minutes", type=float, default=30.0, help="for each rollout, at most")
    parser.add_argument(
        "--no-blind", dest="blind", action="store_false", help="leave out what only users tell"
    )
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
