"""What every arm trains on: the same tokens in the same steps, and how long and how large each step was."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from server.engine.seedling_language import draw_fact
from server.engine.seedling_words import Words
from server.learner.chat import Encoded, Encoder
from server.learner.memory import PeakWatch

RANK, ALPHA, RATE = 8, 16, 1e-3
BETAS = (0.9, 0.95)
SHARE = 0.5
"""Of the layers, from the top, that are trained by every arm."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the parent asks of one arm, as JSON."""

    model_dir: str
    arm: str
    fresh: bool
    """Whether every step has new examples; else the same few come again, as an update's wordings do."""
    steps: int
    warm: int
    """First steps, which are not counted."""
    examples: int
    """Of one step."""
    threads: int
    seed: int


@dataclass(slots=True)
class Watch:
    """Times the steps of an arm. `begin` and `end` of each step; memory beside libraries and base."""

    job: Job
    seconds: list[float] = field(default_factory=list)
    _peak: PeakWatch = field(default_factory=lambda: PeakWatch("cpu"))
    _began: float = 0.0

    def begin(self) -> None:
        """A step starts."""
        self._began = time.perf_counter()

    def end(self) -> None:
        """A step, optimizer included, is over."""
        self.seconds.append(time.perf_counter() - self._began)

    def report(self, steps: Sequence[Sequence[Encoded]], losses: Sequence[float]) -> None:
        """Print one line of JSON for the parent."""
        counted = steps[self.job.warm :]
        spent = sum(self.seconds[self.job.warm :])
        tokens = sum(len(e.ids) for step in counted for e in step)
        answers = sum(len(e.answer) for step in counted for e in step)
        told = {
            "arm": self.job.arm,
            "tokens_per_second": tokens / spent,
            "answer_tokens_per_second": answers / spent,
            "seconds_per_step": spent / len(counted),
            "training_mb": self._peak.peak() / 2**20,
            "process_mb": _own_mb() + _mapped_mb(Path(self.job.model_dir)),
            "losses": [round(loss, 4) for loss in losses],
        }
        sys.stdout.write(json.dumps(told) + "\n")


def steps_of(job: Job, encoder: Encoder) -> list[list[Encoded]]:
    """The examples of every step: questions about made-up facts with their answers, in the chat template."""
    rng = random.Random(job.seed)
    drawn = _examples(encoder, rng)
    if job.fresh:
        return [[next(drawn) for _ in range(job.examples)] for _ in range(job.steps)]
    pool = [next(drawn) for _ in range(job.examples * job.warm)]
    rounds: list[Encoded] = []
    while len(rounds) < job.steps * job.examples:
        rounds += rng.sample(pool, len(pool))
    return [rounds[n * job.examples : (n + 1) * job.examples] for n in range(job.steps)]


def ask(job: Job, environment: dict[str, str], run: Callable[..., Any]) -> dict[str, Any]:
    """Run an arm in a process of its own and read its line."""
    command = [sys.executable, "-m", "scripts.benchmarks.arms." + job.arm, json.dumps(asdict(job))]
    done = run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"the arm {job.arm} failed:\n{done.stderr[-3000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def targets(model: Any) -> list[str]:
    """Every linear map of the trained layers: what the learner trains."""
    from server.learner.adapters import linear_modules

    layers = len(model.model.layers)
    return linear_modules(model, layers - round(SHARE * layers), "all")


def _examples(encoder: Encoder, rng: random.Random) -> Any:
    words = Words(rng, unseen=True)
    seen: set[tuple[int, ...]] = set()
    while True:
        fact = draw_fact(words)
        example = encoder.example(rng.choice(fact.questions), fact.answer)
        if example.ids not in seen:
            seen.add(example.ids)
            yield example


def _own_mb() -> float:
    """The most memory that this process alone held, with libraries' own and copied weights."""
    import resource

    status = Path("/proc/self/status").read_text()
    shared = next(int(x.split()[1]) for x in status.splitlines() if x.startswith("RssFile"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - shared / 1024


def _mapped_mb(model_dir: Path) -> float:
    """Resident pages of the mapped weights: the base, counted once where an arm maps it."""
    total, ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:
            ours = str(model_dir) in line and line.endswith(".safetensors")
        elif ours and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total / 1024
