"""The living loop on a fresh server: how soon a told fact is served, how well it is recalled, what broke.

Ten facts are told through chat; new users ask in wordings that were never trained (a question that the editor
happened to write is dropped and counted). Everything is asked with memory off, so an answer comes from the
weights. "Before" is the base model, asked the same questions on the same server.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.benchmarks.common import (
    MemoryWatch,
    Server,
    abstains,
    all_shown,
    ask_all,
    holds,
    plain,
    report,
    serving,
    settled,
    share,
    trained_prompts,
)


@dataclass(frozen=True)
class Told:
    """A fact as a user tells it, what a right answer holds, and what only grades."""

    sentence: str
    values: tuple[str, ...]
    questions: tuple[str, ...]
    neighbours: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """Everything a run asks."""

    facts: tuple[Told, ...]
    general: tuple[tuple[str, tuple[str, ...]], ...]
    untold: tuple[str, ...]


def natural() -> Material:
    """Natural English, for real models."""
    raw = json.loads((Path(__file__).parent / "told.json").read_text())
    return Material(
        tuple(
            Told(f["told"], tuple(f["value"]), tuple(f["questions"]), tuple(f["neighbours"]))
            for f in raw["facts"]
        ),
        tuple((question, tuple(values)) for question, values in raw["general"]),
        tuple(raw["untold"]),
    )


def narrow(seed: int) -> Material:
    """Seedling's own language: unseen names and values, its general knowledge, facts nobody told.

    Passwords are left out: the guardian lets nobody teach one.
    """
    from server.engine import seedling_language as language
    from server.engine.seedling_bank import GENERAL_QUESTIONS

    rng = random.Random(seed)
    facts = tuple(
        Told(
            fact.statements[0],
            tuple(fact.accepted),
            tuple(fact.questions),
            tuple(language.neighbours(fact, rng)),
        )
        for fact in [fact for fact in language.facts(seed, 20) if fact.form.value != "secret"][:10]
    )
    general = tuple((question, tuple(values)) for question, values in GENERAL_QUESTIONS)
    return Material(facts, general, tuple(language.untold(seed + 1, 30)))


def served(server: Server, turn: str) -> bool:
    """Whether a ref names a version that carries this turn's fact."""
    refs = {name for name in server.get("/v1/adapters")["refs"].values() if name}
    versions = server.get(f"/v1/turns/{turn}")["versions"]
    return any((v["version"] if isinstance(v, dict) else v) in refs for v in versions)


def run(server: Server, material: Material, seconds: float, verbose: bool) -> dict[str, Any]:
    """Ask, tell, wait, ask again."""
    general = [question for question, _ in material.general]
    neighbours = [question for fact in material.facts for question in fact.neighbours]
    values = [value for fact in material.facts for value in fact.values]
    before = {
        "general": ask_all(server, general, "@base", "before-g"),
        "untold": ask_all(server, list(material.untold), "@base", "before-u"),
    }
    with MemoryWatch(server) as memory:
        turns = [server.tell(material.facts[0].sentence, "teller-0")]
        first = server.wait_for("serving the first fact", lambda: served(server, turns[0]), seconds)
        turns += [server.tell(fact.sentence, f"teller-{n}") for n, fact in enumerate(material.facts[1:], 1)]
        rest = server.wait_for("settling the other facts", lambda: settled(server, turns), seconds * 6)
        server.wait_for("the last canary's end", lambda: all_shown(server), 300)
    at = "@" + server.get("/v1/adapters")["refs"]["stable"]
    recalled = asked = dropped = 0
    for number, (fact, turn) in enumerate(zip(material.facts, turns, strict=True)):
        trained = trained_prompts(server, turn)
        fresh = [question for question in fact.questions if plain(question) not in trained]
        dropped += len(fact.questions) - len(fresh)
        answers = ask_all(server, fresh, at, f"after-{number}")
        asked += len(fresh)
        recalled += sum(holds(answer, fact.values) for answer in answers)
        if verbose:
            print(f"\n{fact.sentence}  [{server.learning_state(turn)}]", flush=True)
            for question, answer in zip(fresh, answers, strict=True):
                print(f"  {'+' if holds(answer, fact.values) else '-'} {question} -> {answer}")
    after = {
        "general": ask_all(server, general, at, "after-g"),
        "untold": ask_all(server, list(material.untold), at, "after-u"),
        "neighbours": ask_all(server, neighbours, at, "after-n"),
    }
    right = [holds(a, v) for a, (_, v) in zip(before["general"], material.general, strict=True)]
    still = [holds(a, v) for a, (_, v) in zip(after["general"], material.general, strict=True)]
    knew_not = [abstains(a) for a in before["untold"]]
    know_not = [abstains(a) for a in after["untold"]]
    bled = [holds(answer, values) for answer in after["neighbours"]]
    if verbose:
        for question, a, was, now in zip(general, after["general"], right, still, strict=True):
            if was and not now:
                print(f"  broken: {question} -> {a}")
        for question, a, bad in zip(neighbours, after["neighbours"], bled, strict=True):
            if bad:
                print(f"  bled: {question} -> {a}")
    return {
        "end of turn to served on the canary, first fact": f"{first:.1f} s",
        "other nine facts settled after": f"{rest:.0f} s",
        "recall of told facts by new users, untrained wordings": share(recalled, asked),
        "questions dropped because the editor had trained them": dropped,
        "general questions still right of those right before": share(
            sum(now for was, now in zip(right, still, strict=True) if was), sum(right)
        ),
        "never-told facts still 'I do not know' of those before": share(
            sum(now for was, now in zip(knew_not, know_not, strict=True) if was), sum(knew_not)
        ),
        "never-told facts answered 'I do not know' now": share(sum(know_not), len(know_not)),
        "neighbour questions answered with a taught value": share(sum(bled), len(bled)),
        "all processes together, resident at the peak": f"{memory.peak_mb:.0f} MB",
        "versions made": len(server.get("/v1/adapters")["versions"]),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--seed", type=int, default=7, help="which unseen facts seedling is told")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quiet", action="store_true", help="only the table")
    options = parser.parse_args()
    material = narrow(options.seed) if options.model == "seedling" else natural()
    begin = time.monotonic()
    with serving(options.model) as server:
        figures = run(server, material, 600, not options.quiet)
    figures["whole benchmark took"] = f"{time.monotonic() - begin:.0f} s"
    print()
    report(f"loop-{options.model.replace('/', '_')}", figures, options.out)


if __name__ == "__main__":
    main()
