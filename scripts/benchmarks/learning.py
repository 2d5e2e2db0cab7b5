"""What is learned from chat and what stays of it: recall at once and after later updates, and what broke.

N facts are taught by real chat turns in groups, then further facts one by one. At every checkpoint the first
N are asked for with memory off, by fresh users, from the weights of the stable version alone: in the same
wording, in untrained wordings (a question that the editor happened to write is dropped and counted),
reversed, and after small talk in a new conversation. Beside them: neighbours of the facts, general questions,
facts that nobody told, and requests about form. "Base" is the untouched model on the same server, "in
context" the same just after the fact was told in the conversation.

A run with --home goes on where it was killed, and --until ends one early with what is known by then.
--ablations does it all once for each part taken out of the recipe.
"""

from __future__ import annotations

import argparse
import dataclasses
import signal
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from scripts.benchmarks.common import ROOT, Server, report, serving
from scripts.benchmarks.recall import formats, plot, table
from scripts.benchmarks.recall.ablations import ABLATIONS, profile
from scripts.benchmarks.recall.material import Material, NotEnough, narrow, natural
from scripts.benchmarks.recall.progress import OtherRun, Progress, alone
from scripts.benchmarks.recall.questions import Question, about_facts, about_the_rest, ask, in_context
from scripts.benchmarks.recall.teach import AT_ONCE, fates, groups, teach, trained_questions, update_counts
from server.editor import relations
from server.editor.value import find_value


class Run:
    """One course of teaching and asking against one server."""

    def __init__(
        self, server: Server, material: Material, progress: Progress, seconds: float, until: int | None = None
    ) -> None:
        """`until`: end after so many later updates in this start, with what is known by then."""
        self._server = server
        self._material = material
        self._progress = progress
        self._seconds = seconds
        options = progress.options
        self._first, self._later = int(options["facts"]), int(options["later"])
        self._until = self._later if until is None else min(until, self._later)
        self._per_update, self._checkpoints = int(options["per_update"]), list(options["checkpoints"])
        # forms are not seedling's language: it meets none of these requests
        self._formats = () if options["model"] == "seedling" else formats.probes()

    def go(self) -> None:
        """Everything that is not done yet."""
        taught = 0
        for number, group in enumerate(groups(self._first, self._per_update, self._until)):
            if number >= len(self._progress.groups):
                teach(self._server, self._material.facts, group, self._progress, self._seconds)
            taught = group[-1] + 1
            if taught >= self._first:
                self._maybe_ask(taught - self._first, taught)

    def _maybe_ask(self, later: int, taught: int) -> None:
        if later in (*self._checkpoints, self._until) and str(later) not in self._progress.checkpoints:
            self._fix_questions()
            self._ask(later, taught)

    def _fix_questions(self) -> None:
        """Once, when the first facts are taught; the base is asked them too."""
        progress, facts = self._progress, self._material.facts[: self._first]
        if not progress.questions:
            trained = [trained_questions(self._server, progress.turns[str(n)]) for n in range(self._first)]
            asked, progress.dropped = about_facts(facts, trained, self._material.small_talk)
            asked += about_the_rest(self._material, self._formats)
            progress.questions = [dataclasses.asdict(question) for question in asked]
        if not progress.base:
            asked = self._questions()
            values = [value for fact in facts for value in fact.accepted]
            progress.base = ask(
                self._server, [*asked, *in_context(asked, facts)], "@base", "base", values, self._formats
            )
            progress.save()
            progress.say(f"base: {len(progress.base)} questions asked")

    def _ask(self, later: int, taught: int) -> None:
        progress = self._progress
        version = self._server.get("/v1/adapters")["refs"]["stable"]
        values = [value for fact in self._material.facts[:taught] for value in fact.accepted]
        tag = f"asker-{later}-{progress.starts}"
        answers = ask(self._server, self._questions(), f"@{version}", tag, values, self._formats)
        progress.checkpoints[str(later)] = {"version": version, "answers": answers}
        progress.save()
        hits, of = table.count(answers, table.ROWS[0], (), {})
        progress.say(
            f"after {later} later updates, {version}: {table.percent(hits, of)} in untrained wordings"
        )

    def _questions(self) -> list[Question]:
        return [Question(**question) for question in self._progress.questions]

    def result(self) -> dict[str, Any]:
        """All figures of the run."""
        progress, facts = self._progress, self._material.facts
        taught = [index for group in progress.groups for index in group["facts"]]
        all_fates = fates(self._server, facts, progress.turns, taught)
        learned = {n for n, (_, fate, _) in enumerate(all_fates[: self._first]) if fate == "learned"}
        told = [fact.sentence for fact in facts[: self._first]]
        listed = {n for n, s in enumerate(told) if relations.read(s, find_value(s, [])).questions}
        some = {"learned": learned, "listed": listed, "unlisted": {*range(self._first)} - listed}
        last = progress.checkpoints[max(progress.checkpoints, key=int)]["answers"]
        return {
            "table": table.table(progress.base, progress.checkpoints, some),
            "learned of the first": f"{len(learned)} of {self._first}",
            "later updates": f"{len(taught) - self._first} of {self._later}",
            "learned of all": f"{sum(f == 'learned' for _, f, _ in all_fates)} of {len(all_fates)}",
            "wordings dropped because the editor had written them": progress.dropped,
            "runs of the learner": update_counts(self._server),
            "seconds a group of the first facts (median)": _median(progress.groups, self._first, True),
            "seconds a later fact (median)": _median(progress.groups, self._first, False),
            "whole run took": f"{progress.seconds / 60:.1f} minutes in {progress.starts} start(s)",
            "facts": table.per_fact(all_fates[: self._first], progress.checkpoints),
            "broken at the last checkpoint": table.broken(progress.base, last),
        }


def _median(taught: list[dict[str, Any]], first: int, early: bool) -> float:
    seconds = [group["seconds"] for group in taught if (group["facts"][0] < first) == early]
    return round(median(seconds), 1) if seconds else 0.0


def run(options: argparse.Namespace, ablation: str, home: Path) -> tuple[dict[str, Any], Progress]:
    """One run on a server of its own; raises what stopped it, to be taken up again with the same home."""
    with alone(home):
        return _run(options, ablation, home)


def _run(options: argparse.Namespace, ablation: str, home: Path) -> tuple[dict[str, Any], Progress]:
    recipe = profile(ablation, options.profile)
    progress = Progress(home, settings(options, recipe))
    material = (narrow if options.model == "seedling" else natural)(
        options.seed, options.facts + options.later
    )
    flags = [*AT_ONCE, f"--learning.max-edits-per-update={options.per_update}"]
    flags += [f"--learning.profile={recipe}"] if recipe else []
    progress.say(f"{options.model}, recipe {recipe or 'by size'}, home {home}")
    with serving(options.model, *flags, *options.flag, home=home) as server:
        one = Run(server, material, progress, options.patience, options.until)
        one.go()
        progress.save()
        return one.result(), progress


def settings(options: argparse.Namespace, recipe: str) -> dict[str, Any]:
    """What a run must have in common with the one that it goes on with."""
    names = ("model", "seed", "facts", "per_update", "later", "checkpoints", "flag")
    return {**{name: getattr(options, name) for name in names}, "recipe": recipe}


def show(result: dict[str, Any]) -> None:
    """The table, what became of the facts, what broke."""
    table.print_facts(result["facts"])
    print("\nbroken at the last checkpoint")
    for line in result["broken at the last checkpoint"] or ["nothing"]:
        print(f"  {line}")
    print()
    table.print_table(result["table"])
    print()


def one_run(options: argparse.Namespace, home: Path) -> None:
    """The proof: one curve, with its picture."""
    result, progress = run(options, options.ablation, home)
    show(result)
    name = f"learning-{options.model.rstrip('/').rpartition('/')[2]}"
    name += "" if options.ablation == "none" else f"-{options.ablation}"
    details = {key: result.pop(key) for key in ("table", "facts", "broken at the last checkpoint")}
    report(name, result, options.out, **details, run=progress.as_dict())
    picture = options.picture or (options.out or ROOT / "runs" / f"{name}.json").with_suffix(".png")
    plot.draw(picture, options.model, options.facts, progress.base, progress.checkpoints)
    print(f"picture in {picture}")


def all_runs(options: argparse.Namespace, home: Path) -> None:
    """Every ablation in a home of its own, in one table: what each part is there for."""
    lines: list[list[str]] = []
    details: dict[str, Any] = {}
    for ablation in ABLATIONS:
        print(f"\n{ablation}", flush=True)
        result, progress = run(options, ablation, home / ablation)
        head, *body = result["table"]
        column = [line[-1] for line in body]
        if not lines:
            lines = [
                ["at the last checkpoint", "base"],
                *([line[0], line[1]] for line in body),
                ["learned", ""],
            ]
        for line, cell in zip(lines, [ablation, *column, result["learned of all"]], strict=True):
            line.append(cell)
        details[ablation] = {**result, "run": progress.as_dict(), "head": head}
    print()
    table.print_table(lines)
    print()
    name = f"learning-{options.model.rstrip('/').rpartition('/')[2]}-ablations"
    rows = {line[0].strip(): " | ".join(line[1:]) for line in lines}
    report(name, rows, options.out, table=lines, runs=details)


def read_options() -> argparse.Namespace:
    """The command line, with what is missing filled in."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--seed", type=int, default=7, help="which facts are drawn")
    parser.add_argument("--facts", type=int, help="taught first and asked for: 50, with --ablations 10")
    parser.add_argument("--per-update", type=int, default=5, help="facts told together")
    parser.add_argument("--later", type=int, help="later updates of one fact each: 100, with --ablations 5")
    parser.add_argument(
        "--checkpoints", help="later updates after which is asked: 0,25,50,100 of those there are"
    )
    parser.add_argument(
        "--ablation", choices=list(ABLATIONS), default="none", help="what the recipe goes without"
    )
    parser.add_argument("--ablations", action="store_true", help="all of them, in one table")
    parser.add_argument("--profile", default="", help="the recipe; the one that fits the model unless given")
    parser.add_argument(
        "--home", type=Path, help="keeps the server's state and the answers, to go on after a kill"
    )
    parser.add_argument("--patience", type=float, default=3600, help="seconds that one group may take")
    parser.add_argument(
        "--flag", action="append", default=[], help="further flags of the server, --flag=--a.b=c"
    )
    parser.add_argument("--picture", type=Path, help="where the picture goes; beside the JSON unless given")
    parser.add_argument(
        "--until", type=int, help="end after so many later updates; with --home the same command goes on"
    )
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    options.facts = options.facts or (10 if options.ablations else 50)
    if options.later is None:
        options.later = 5 if options.ablations else 100
    wanted = [int(n) for n in options.checkpoints.split(",")] if options.checkpoints else [0, 25, 50, 100]
    options.checkpoints = sorted({n for n in (*wanted, options.later) if 0 <= n <= options.later})
    if min(options.facts, options.per_update) < 1 or options.later < 0:
        parser.error("--facts and --per-update must be at least 1, --later at least 0")
    return options


def main() -> None:
    """Command line."""
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # a run that is ended takes its server along
    with tempfile.TemporaryDirectory(prefix="livegraft-bench-") as scratch:
        try:
            (all_runs if options.ablations else one_run)(options, options.home or Path(scratch))
        except (OtherRun, NotEnough) as refused:
            raise SystemExit(f"learning: {refused}") from refused
        except TimeoutError as slow:
            hint = "the same command goes on from here" if options.home else "with --home it could go on"
            raise SystemExit(f"learning: {slow}\n{hint}; --patience gives a group more time") from slow


if __name__ == "__main__":
    main()
