"""What the guardian catches and what it stops wrongly, on public suites and on the project's own data.

    scripts/bench guardian [--suites FOLDER]

FOLDER holds public suites as they are published, anywhere below it: HateCheck (test_suite_cases.csv),
OpenAI's moderation set (samples-1680.jsonl), XSTest (xstest_prompts.csv), presidio-research
(synth_dataset_v2.json), BEGIN (begin_test_wow.tsv, begin_dev_wow.tsv) and Breaking-NLI (dataset.jsonl).
Nothing is trained or tuned on them, BEGIN's dev split excepted; --limit is for trying the benchmark out.

Columns: 'embedded' is what comes with the package, 'local models' needs weights (--toxicity-model-dir,
--nli-model-dir), 'judges' needs endpoints (--judge). Each runs in a process of its own with one thread.
Objected to means blocked or held for a person; "false blocks" is the share of harmless cases that were.
Milliseconds are p50 / p99 of one judgement, by the clock unless it says otherwise.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.benchmarks.common import ROOT, percentile, report
from scripts.benchmarks.suites.files import NotMeasured

COLUMNS = ("embedded", "local models", "judges")
THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(given)
    if options.column:
        options.out.write_text(json.dumps(measured(options.column, options)))
        return
    figures: dict[str, Any] = {}
    suites: dict[str, Any] = {}
    for name in COLUMNS:
        found = _in_a_process(name, given)
        suites[name] = found["suites"]
        figures |= {f"{name} | {key}": value for key, value in found["figures"].items()}
    if options.chat:
        from scripts.benchmarks.suites.chat_wait import waited

        figures |= {f"chat ({options.chat}) | {key}": value for key, value in waited(options.chat).items()}
    report("guardian", figures, options.out, suites=suites)


def measured(column: str, options: argparse.Namespace) -> dict[str, Any]:
    """One column, in this process: lines for the table, and numbers by suite and group."""
    try:
        policy = policy_of(column, options)
    except NotMeasured as why:
        return {"figures": {"everything": f"not measured: {why}"}, "suites": {}}
    from scripts.benchmarks.suites.measure import OWN, PUBLIC

    figures: dict[str, str] = {}
    suites: dict[str, Any] = {}
    for name, measure in (*OWN.items(), *PUBLIC.items()):
        if name in PUBLIC and options.suites is None:
            figures[name] = "not measured: no --suites"
            continue
        try:
            groups = measure(options.suites or ROOT, policy, options.limit)
        except NotMeasured as why:
            figures[name] = f"not measured: {why}"
            continue
        suites[name] = {group: tally.figures() for group, tally in groups.items()}
        figures |= {f"{name}, {group}": tally.words() for group, tally in groups.items() if tally.outcomes}
        if "allowed" in groups:
            figures |= _grounded(name, suites[name])
        if name == "own: every check":
            figures |= _cost(groups["all"].ms)
    return {"figures": figures, "suites": suites}


def policy_of(column: str, options: argparse.Namespace) -> Any:
    """The guardian's policy for a column. Raises NotMeasured where nothing was configured for it."""
    from guardian import Policy

    known = {field.name for field in dataclasses.fields(Policy)}
    wanted: dict[str, Any] = {}
    if column == "local models":
        wanted = {
            name: str(folder)
            for name in ("toxicity_model_dir", "nli_model_dir")
            if (folder := getattr(options, name))
        }
    if column == "judges":
        wanted = {"judges": tuple(_judge(text) for text in options.judge)} if options.judge else {}
    if column != "embedded" and not wanted:
        raise NotMeasured("no weights")
    missing = wanted.keys() - known
    if missing:
        raise NotMeasured(f"this guardian has no {', '.join(sorted(missing))}")
    return Policy(**wanted)


def _judge(text: str) -> Any:
    """`ADAPTER,BASE_URL,MODEL[,KEY_ENV]` as a judge of every topic that the adapter has."""
    from guardian.judges.adapters import ADAPTERS, problem
    from guardian.types import RemoteJudge

    parts = text.split(",")
    if not 3 <= len(parts) <= 4:
        raise SystemExit(f"--judge {text!r} must be ADAPTER,BASE_URL,MODEL[,KEY_ENV]")
    adapter, base_url, model, key_env = (*parts, "")[:4]
    topics = sorted(ADAPTERS[adapter].topics) if adapter in ADAPTERS else ()
    judge = RemoteJudge(model, adapter, base_url, model, key_env, topics=tuple(topics))
    if wrong := problem(judge):
        raise SystemExit(f"--judge: {wrong}")
    return judge


def _grounded(name: str, groups: dict[str, Any]) -> dict[str, str]:
    """The two figures that grounding is judged by."""
    blocked, held = groups["all"], groups["allowed"]
    figures = {}
    if blocked["recall"] is not None and blocked["false_blocks"] is not None:
        balanced = (blocked["recall"] + 1 - blocked["false_blocks"]) / 2
        figures[f"{name}, balanced accuracy of not blocked"] = f"{balanced:.3f}"
    bad = held["positives"] * (1 - (held["recall"] or 0))
    good = (held["n"] - held["positives"]) * (1 - (held["false_blocks"] or 0))
    if bad + good:
        figures[f"{name}, precision of what is allowed"] = f"{good / (bad + good):.3f} of {bad + good:.0f}"
    return figures


def _cost(ms: list[float]) -> dict[str, str]:
    """What a judgement by all checks costs. The first ones, which load what is needed, count too."""
    import psutil

    resident = psutil.Process().memory_info().rss / 1e6
    times = f"{percentile(ms, 0.5):.1f} / {percentile(ms, 0.99):.1f} ms"
    return {
        "processor time of one example, all checks, p50 / p99": times,
        "resident memory after that": f"{resident:.0f} MB",
    }


def _in_a_process(column: str, given: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "column.json"
        command = [sys.executable, "-m", "scripts.benchmarks.guardian", *given]
        print(f"measuring: {column} …", flush=True)
        subprocess.run(
            [*command, "--column", column, "--out", str(out)],
            check=True,
            cwd=ROOT,
            env={**os.environ, **THREADS},
        )
        found: dict[str, Any] = json.loads(out.read_text())
        return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suites", type=_folder, help="folder with the public suites")
    parser.add_argument("--toxicity-model-dir", type=_folder, help="Detoxify-family weights")
    parser.add_argument("--nli-model-dir", type=_folder, help="an NLI cross-encoder")
    parser.add_argument(
        "--judge", action="append", default=[], metavar="ADAPTER,BASE_URL,MODEL[,KEY_ENV]",
        help="a judge model behind an OpenAI-compatible endpoint; may be given several times",
    )  # fmt: skip
    parser.add_argument("--limit", type=int, default=0, help="cases of each public suite, evenly; 0: all")
    parser.add_argument(
        "--chat", default="", metavar="MODEL",
        help="also time chat with and without the guardian working; 'fake' is the scripted engine",
    )  # fmt: skip
    parser.add_argument("--out", type=Path)
    parser.add_argument("--column", choices=COLUMNS, help=argparse.SUPPRESS)
    return parser


def _folder(text: str) -> Path:
    path = Path(text).resolve()
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder")
    return path


if __name__ == "__main__":
    main()
