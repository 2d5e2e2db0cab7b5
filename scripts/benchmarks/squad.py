"""SEAL's protocol on SQuAD passages (arXiv 2506.10943): what is left of a passage once it was told and
learned.

A passage is told to the model, which then answers its questions without it. `single` learns each passage
alone, `matrix` eight one after another and asks all of them after each, `stream` a hundred. Learning is the
product's own: self-edits, guardian, training, gate, rollout. The rows beside it: the base asked alone
("base"), the base with the passage in its prompt ("in context"), and learning with the gate switched off.

The data grades only and is not part of the project: give its path. What is done is kept in the folder of the
run, so a run that was killed goes on where it was; after a change of the code take another --out, or --fresh.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import functools
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from guardian import Guardian, Policy
from guardian.checks import registry
from scripts.benchmarks.common import ROOT, machine
from scripts.benchmarks.seal import data, show
from scripts.benchmarks.seal.bench import ANSWER_TOKENS, PROBES, Arm, Bench, Seen
from scripts.benchmarks.seal.courses import PASSAGES, Experiment, courses
from scripts.benchmarks.seal.figures import Figures, Grader, by_judge, by_match
from scripts.benchmarks.seal.journal import Journal
from scripts.benchmarks.seal.judge import Judge
from scripts.benchmarks.seal.line import School
from server.engine.models import ModelFolder, ModelUnavailable, resolve
from server.engine.types import Engine
from server.learner.errors import LearnerError
from server.learner.process import LearnerOptions, Train
from server.learner.profiles import Profile, choose

LIVEGRAFT, UNGATED = "livegraft", "livegraft without gate"
KEY_VARIABLE = "JUDGE_API_KEY"


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench squad", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("experiment", choices=tuple(PASSAGES))
    parser.add_argument(
        "--data", type=Path, required=True, metavar="PATH", help=f"squad_val.json: {data.SOURCE}"
    )
    parser.add_argument("--model", default="smollm2", help="smollm2, seedling, a model folder or a hub id")
    parser.add_argument(
        "--home", type=Path, default=Path(".livegraft"), help="where converted models are kept"
    )
    parser.add_argument(
        "--passages", type=_positive, help=f"how many are taught; of a sequence in the matrix ({PASSAGES})"
    )
    parser.add_argument("--sequences", type=_positive, default=8, help="of the matrix; SEAL has 64")
    parser.add_argument("--seed", type=int, default=0, help="draws the passages and seeds the training")
    parser.add_argument("--profile", default="", help="training recipe; '' chooses by the model's size")
    parser.add_argument("--gated-only", action="store_true", help="do not learn again without the gate")
    parser.add_argument("--no-guardian", action="store_true", help="train whatever the model wrote")
    parser.add_argument("--threads", type=_positive, default=os.cpu_count() or 1)
    parser.add_argument(
        "--judge-url", default="", help=f"OpenAI-compatible base URL; its key in {KEY_VARIABLE}"
    )
    parser.add_argument("--judge-model", default="", help="the judge's name there")
    parser.add_argument("--out", type=Path, help="folder of the run (runs/squad)")
    parser.add_argument("--fresh", action="store_true", help="forget what is done in that folder")
    given = parser.parse_args(argv)
    if bool(given.judge_url) != bool(given.judge_model):
        parser.error("--judge-url and --judge-model go together")
    given.passages = given.passages or PASSAGES[given.experiment]
    return given


def main(argv: list[str] | None = None) -> None:
    """Run one experiment and print it."""
    given = arguments(argv)
    # Both are read when torch is first imported: see server.app and server.learner.child.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    try:
        drawn = draw(given)
        folder = resolve(given.model, given.home, lambda line: print(line, flush=True))
        plans = profiles(given, parameters(folder.path))
    except (data.BadData, ModelUnavailable, LearnerError) as error:
        sys.exit(f"scripts/bench squad: {error}")
    engine, train = embedded(folder, given.threads), trainer(given.home)
    run(given, drawn, engine, train, folder, plans)


def draw(given: argparse.Namespace) -> data.Draw:
    """The passages of this run. Raises BadData."""
    return data.draw(data.read(given.data), given.seed, given.passages)


def run(
    given: argparse.Namespace,
    drawn: data.Draw,
    engine: Engine,
    train: Train,
    folder: ModelFolder,
    plans: dict[str, tuple[str, Profile]],
) -> dict[str, Any]:
    """Teach, ask, grade, print; returns what the JSON file holds. `engine` is not started."""
    out = given.out or ROOT / "runs" / "squad"
    journal = Journal(out / "done.jsonl", given.fresh)
    seen = asyncio.run(observe(given, drawn, engine, train, folder, plans, out, journal))
    graders: dict[str, Grader] = {"match": by_match}
    judge = None
    if given.judge_url:
        judge = Judge(given.judge_url, given.judge_model, os.environ.get(KEY_VARIABLE, ""), journal)
        graders["judge"] = by_judge(judge)
    title = f"{given.experiment}, {folder.name}, seed {given.seed}"
    if folder.name == "seedling":
        print(f"\nPLUMBING ONLY: {show.PLUMBING}")
        title += " (plumbing only)"
    found = {name: figures(given.experiment, seen, grader) for name, grader in graders.items()}
    name = f"{given.experiment}-{folder.name}"
    for grader, values in found.items():
        print(
            f"\n== {title}: "
            + {"match": "normalised match", "judge": f"judged by {given.judge_model}"}[grader]
        )
        show.show(given.experiment, values)
        picture = out / f"{name}{'-judged' if grader == 'judge' else ''}.png"
        if show.draw(given.experiment, values, f"SEAL's protocol on SQuAD: {title}, {grader}", picture):
            print(f"drawn in {picture}")
    if judge is not None and judge.failures:
        print(f"unjudged, counted neither right nor wrong: {judge.failures}; run again to have them judged")
    result = {
        "benchmark": f"squad {given.experiment}",
        "note": show.PLUMBING if folder.name == "seedling" else "",
        "machine": machine(),
        "model": {"name": folder.name, "digest": folder.digest},
        "protocol": {
            "passages": given.passages,
            "sequences": given.sequences if given.experiment == "matrix" else None,
            "seed": given.seed,
            "answer_tokens": ANSWER_TOKENS,
            "probes": len(seen.probes),
            "guardian": not given.no_guardian,
            "profiles": {arm: dataclasses.asdict(profile) for arm, (_, profile) in plans.items()},
        },
        "unjudged": judge.failures if judge else None,
        "figures": found,
    }
    path = out / f"{name}.json"
    path.write_text(json.dumps(result, indent=1))
    print(f"\nwritten to {path}")
    return result


async def observe(
    given: argparse.Namespace,
    drawn: data.Draw,
    engine: Engine,
    train: Train,
    folder: ModelFolder,
    plans: dict[str, tuple[str, Profile]],
    out: Path,
    journal: Journal,
) -> Seen:
    """Everything that needs the model."""
    passages = (*drawn.taught, *drawn.outsiders)
    key = digest(folder.digest, data.digest(sorted(passages, key=lambda p: p.id)), ANSWER_TOKENS)
    disabled = frozenset(registry.BUILDERS) if given.no_guardian else frozenset[str]()
    guardian = Guardian(Policy(disabled_checks=disabled))
    arms = []
    for name, (profile_name, profile) in plans.items():
        options = LearnerOptions(
            model_dir=folder.path,
            model_name=folder.name,
            base_digest=folder.digest,
            profile=profile_name,
            threads=given.threads,
            seed=given.seed,
            batch_window_seconds=0,
            batch_patience_seconds=0,
        )
        watching = [p.id for p in drawn.outsiders]
        depends = (
            key,
            dataclasses.asdict(profile),
            given.seed,
            given.threads,
            given.no_guardian,
            watching,
            PROBES,
        )
        arms.append(Arm(name, School(engine, guardian, train, options), digest(*depends)))
    await engine.start()
    try:
        bench = Bench(engine, journal, out / "lines", key)
        return await bench.run(
            courses(given.experiment, drawn, given.passages, given.sequences), drawn.outsiders, arms
        )
    finally:
        await engine.close()


def figures(experiment: Experiment, seen: Seen, grader: Grader) -> dict[str, Any]:
    """The experiment's figures under one grader."""
    made = Figures(seen, grader)
    ways: dict[Experiment, Callable[[], dict[str, Any]]] = {
        "single": made.single,
        "matrix": made.matrix,
        "stream": made.stream,
    }
    return ways[experiment]()


def profiles(given: argparse.Namespace, parameter_count: int) -> dict[str, tuple[str, Profile]]:
    """By arm, the recipe's name and what it stands for. Raises UnknownProfile."""
    names = {LIVEGRAFT: given.profile}
    if not given.gated_only:
        names[UNGATED] = ",".join(filter(None, (given.profile, "gate=false")))
    return {arm: (name, choose(name, parameter_count)) for arm, name in names.items()}


def embedded(folder: ModelFolder, threads: int) -> Engine:
    """The embedded engine on this model, on the device where the learner trains."""
    from server.engine.embedded import EmbeddedEngine
    from server.learner.update import device

    return EmbeddedEngine(
        folder.path, folder.name, base_digest=folder.digest, device=device(), threads=threads
    )


def trainer(home: Path) -> Train:
    """The real update; the base's answers to general questions are kept under `home`, as the server does."""
    from server.learner.update import run as update

    return functools.partial(update, cache_dir=home / "models")


def parameters(model: Path) -> int:
    """How many numbers the model's weight files hold."""
    from safetensors import safe_open

    total = 0
    for file in model.glob("*.safetensors"):
        with safe_open(file, framework="numpy") as weights:
            for name in weights.keys():  # noqa: SIM118 (not a dictionary)
                size = 1
                for side in weights.get_slice(name).get_shape():
                    size *= side
                total += size
    return total


def digest(*parts: Any) -> str:
    """A short name for what something depends on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


if __name__ == "__main__":
    main()
