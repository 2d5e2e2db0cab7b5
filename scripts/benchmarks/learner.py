"""How fast the learner trains, and in how much memory, beside trl's SFTTrainer and a plain peft loop.

Every arm runs in a process of its own on the same tokens in the same steps, with the same LoRA (rank, linear
maps, upper half of the layers), AdamW, precision (the model's own) and threads; the order turns from round
to round. A token is one of an example, prompt and answer, counted each time the example is trained on,
however an arm computes it; padding is not counted. Memory is what the process alone holds at its peak plus
the resident pages of the mapped base, so the base counts once. `training` leaves out what was there before
training began, such as the libraries.

The losses printed show that all learn the same: the learner's is a mean over examples, the others' a mean
over answer tokens; all train on the latter.

Two tables. In "wordings come again" the same examples return, as an update's wordings do, and the learner has
computed the frozen lower half for them before (in the uncounted first steps). In "fresh examples" nothing
returns, so that nothing is had from the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.benchmarks.arms.data import Job, ask
from scripts.benchmarks.common import ROOT, report

ARMS = ("livegraft", "sft", "sft_defaults", "plain")
OTHERS = ("sft", "plain")
"""What the floors are held against; `sft_defaults` saves memory by computing twice, as we can too."""
LIBRARIES = ROOT / ".venv-trl"
SPEED_FLOOR, MEMORY_CEILING = 1.2, 1.0


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", default="seedling")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--warm", type=int, default=4, help="first steps, not counted")
    parser.add_argument("--examples", type=int, default=16, help="in one step")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    for table, fresh in (("wordings come again", False), ("fresh examples", True)):
        told = measured(options, fresh)
        figures |= {f"{table}: {name}": value for name, value in summary(told).items()}
    report(f"learner-{options.model}", figures, options.out)


def measured(options: argparse.Namespace, fresh: bool) -> dict[str, list[dict[str, Any]]]:
    """Every arm's figures, round by round."""
    from server.engine.models import resolve

    folder = resolve(options.model, ROOT / "runs" / "learner").path
    told: dict[str, list[dict[str, Any]]] = {arm: [] for arm in ARMS}
    for turn in range(options.rounds):
        for arm in (*ARMS[turn % len(ARMS) :], *ARMS[: turn % len(ARMS)]):
            job = Job(
                model_dir=str(folder),
                arm=arm,
                fresh=fresh,
                steps=options.steps,
                warm=options.warm,
                examples=options.examples,
                threads=options.threads,
                seed=turn,
            )
            told[arm].append(ask(job, environment(arm, options.threads), subprocess.run))
            print(json.dumps(told[arm][-1]), flush=True)
    return told


def environment(arm: str, threads: int) -> dict[str, str]:
    """The same for all, as the server gives it to its learner; trl is found in a folder of its own."""
    shared = {
        "OMP_NUM_THREADS": str(threads),
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
    }
    if arm.startswith("sft"):
        install()
        shared["PYTHONPATH"] = str(LIBRARIES)
    return os.environ | shared


def install() -> None:
    """trl and what it needs beyond our own pins, beside the environment and not in it."""
    wanted = Path(__file__).parent / "arms" / "trl.txt"
    stamp = LIBRARIES / "made-from.txt"
    if stamp.is_file() and stamp.read_text() == wanted.read_text():
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--upgrade"]
    subprocess.run([*pip, "--target", str(LIBRARIES), "--requirement", str(wanted)], check=True)
    stamp.write_text(wanted.read_text())


def summary(told: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Medians by arm, and the two ratios against the better of the others."""

    def median(arm: str, what: str) -> float:
        return float(statistics.median(one[what] for one in told[arm]))

    rows = {
        arm: f"{median(arm, 'tokens_per_second'):.0f} tokens/s, "
        f"{median(arm, 'answer_tokens_per_second'):.0f} answer tokens/s, "
        f"{median(arm, 'seconds_per_step'):.3f} s a step, {median(arm, 'process_mb'):.0f} MB, "
        f"of these training {median(arm, 'training_mb'):.0f} MB; "
        f"loss {told[arm][0]['losses'][0]:.3f} to {told[arm][0]['losses'][-1]:.3f}"
        for arm in ARMS
    }
    speed = median("livegraft", "tokens_per_second") / max(median(a, "tokens_per_second") for a in OTHERS)
    rows["speed, times the better"] = f"{speed:.2f} (floor {SPEED_FLOOR})"
    for what in ("process_mb", "training_mb"):
        memory = median("livegraft", what) / min(median(arm, what) for arm in OTHERS)
        leanest = median("livegraft", what) / median("sft_defaults", what)
        name = "memory" if what == "process_mb" else "memory of training alone"
        rows[f"{name}, times the lower"] = (
            f"{memory:.2f} (ceiling {MEMORY_CEILING}); {leanest:.2f} of trl with activations computed twice"
        )
    return rows


if __name__ == "__main__":
    main()
