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
from dataclasses import dataclass
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
from scripts.benchmarks.seal.picture import draw as draw_picture
from server.engine.models import ModelFolder, ModelUnavailable, resolve
from server.engine.types import Engine
from server.learner.errors import LearnerError
from server.learner.profiles import Profile, choose
from server.learner.record import LearnerOptions
from server.learner.types import Train

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
    parser.add_argument(
        "--no-topic", action="store_true", help="leave out SEAL's line 'Topic: …', as users do"
    )
    parser.add_argument("--fresh", action="store_true", help="forget what is done in that folder")
    given = parser.parse_args(argv)
    if bool(given.judge_url) != bool(given.judge_model):
        parser.error("--judge-url and --judge-model go together")
    given.passages = given.passages or PASSAGES[given.experiment]
    return given


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run is made with. `engine` is not started."""

    folder: ModelFolder
    engine: Engine
    train: Train
    recipes: dict[str, tuple[str, Profile]]
    """By arm, the recipe as it was asked for and what that stands for."""


def main(argv: list[str] | None = None) -> None:
    """Run one experiment and print it."""
    given = arguments(argv)
    # Both are read when torch is first imported: see server.app and server.learner.child.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    try:
        drawn = draw(given)
        folder = resolve(given.model, given.home, lambda line: print(line, flush=True))
        recipes = arms(given, parameters(folder.path))
    except (data.BadData, ModelUnavailable, LearnerError) as error:
        sys.exit(f"scripts/bench squad: {error}")
    run(given, drawn, Setup(folder, embedded(folder, given.threads), trainer(given.home), recipes))


def draw(given: argparse.Namespace) -> data.Draw:
    """The passages of this run. Raises BadData."""
    return data.draw(data.read(given.data), given.seed, given.passages)


def run(given: argparse.Namespace, drawn: data.Draw, setup: Setup) -> dict[str, Any]:
    """Teach, ask, grade, print; returns what the JSON file holds."""
    out = given.out or ROOT / "runs" / "squad"
    journal = Journal(out / "done.jsonl", given.fresh)
    seen = asyncio.run(observe(given, drawn, setup, out, journal))
    graders: dict[str, Grader] = {"match": by_match}
    judge = None
    if given.judge_url:
        judge = Judge(given.judge_url, given.judge_model, os.environ.get(KEY_VARIABLE, ""), journal)
        graders["judge"] = by_judge(judge)
    found = {name: figures(given.experiment, seen, grader) for name, grader in graders.items()}
    result = {
        "benchmark": f"squad {given.experiment}",
        "note": show.PLUMBING if setup.folder.name == "seedling" else "",
        "machine": machine(),
        "model": {"name": setup.folder.name, "digest": setup.folder.digest},
        "protocol": protocol(given, len(seen.probes)),
        "recipes": {arm: dataclasses.asdict(recipe) for arm, (_, recipe) in setup.recipes.items()},
        "unjudged": judge.failures if judge else None,
        "figures": found,
    }
    tell(given, result, out)
    return result


def tell(given: argparse.Namespace, result: dict[str, Any], out: Path) -> None:
    """Print the tables, draw the pictures, write the JSON file."""
    model = result["model"]["name"]
    title = f"{given.experiment}, {model}, seed {given.seed}"
    title += ", without topic line" if given.no_topic else ""
    title += " (plumbing only)" if result["note"] else ""
    name = f"{given.experiment}-{model}{'-no-topic' if given.no_topic else ''}"
    if result["note"]:
        print(f"\nPLUMBING ONLY: {result['note']}")
    for grader, found in result["figures"].items():
        how = "normalised match" if grader == "match" else f"judged by {given.judge_model}"
        print(f"\n== {title}: {how}")
        show.show(given.experiment, found)
        picture = out / f"{name}{'' if grader == 'match' else '-judged'}.png"
        if draw_picture(given.experiment, found, f"SEAL's protocol on SQuAD: {title}, {how}", picture):
            print(f"drawn in {picture}")
    if result["unjudged"]:
        print(
            f"unjudged, counted neither right nor wrong: {result['unjudged']}; run again to have them judged"
        )
    path = out / f"{name}.json"
    path.write_text(json.dumps(result, indent=1))
    print(f"\nwritten to {path}")


def protocol(given: argparse.Namespace, probes: int) -> dict[str, Any]:
    """How the figures came about, for the JSON file."""
    return {
        "passages": given.passages,
        "sequences": given.sequences if given.experiment == "matrix" else None,
        "seed": given.seed,
        "answer_tokens": ANSWER_TOKENS,
        "probes": probes,
        "guardian": not given.no_guardian,
        "topic_line": not given.no_topic,
    }


async def observe(
    given: argparse.Namespace, drawn: data.Draw, setup: Setup, out: Path, journal: Journal
) -> Seen:
    """Everything that needs the model."""
    passages = sorted((*drawn.taught, *drawn.outsiders), key=lambda passage: passage.id)
    key = digest(setup.folder.digest, data.digest(passages), ANSWER_TOKENS, given.no_topic)
    disabled = frozenset(registry.BUILDERS) if given.no_guardian else frozenset[str]()
    guardian = Guardian(Policy(disabled_checks=disabled))
    taught_by = []
    for name, (asked_for, recipe) in setup.recipes.items():
        options = LearnerOptions(
            model_dir=setup.folder.path,
            model_name=setup.folder.name,
            base_digest=setup.folder.digest,
            profile=asked_for,
            threads=given.threads,
            seed=given.seed,
            batch_window_seconds=0,
            batch_patience_seconds=0,
        )
        school = School(setup.engine, guardian, setup.train, options)
        watching = [passage.id for passage in drawn.outsiders]
        how = (given.seed, given.threads, given.no_guardian, watching, PROBES)
        taught_by.append(Arm(name, school, digest(key, dataclasses.asdict(recipe), *how)))
    await setup.engine.start()
    try:
        bench = Bench(setup.engine, journal, out / "lines", key, not given.no_topic)
        asked = courses(given.experiment, drawn, given.passages, given.sequences)
        return await bench.run(asked, drawn.outsiders, taught_by)
    finally:
        await setup.engine.close()


def figures(experiment: Experiment, seen: Seen, grader: Grader) -> dict[str, Any]:
    """The experiment's figures under one grader."""
    made = Figures(seen, grader)
    ways: dict[Experiment, Callable[[], dict[str, Any]]] = {
        "single": made.single,
        "matrix": made.matrix,
        "stream": made.stream,
    }
    return ways[experiment]()


def arms(given: argparse.Namespace, parameter_count: int) -> dict[str, tuple[str, Profile]]:
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
