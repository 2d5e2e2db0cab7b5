"""The learner as a process of its own: what it is told, how it starts, how it is started again.

The server writes one file of plain options (no keys in it) and runs `python -m server.learner HOME`. A
learner that dies is started again with growing pauses; one whose server died ends within a micro-step.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from adapter_store import Store
from server import logs
from server.busy import FILE, BusyFile
from server.learner import gpu
from server.learner.duty import Duty
from server.learner.process import Learner, owner_name
from server.learner.record import LearnerOptions
from server.learner.types import Examine, Train, UpdateInput, UpdateResult
from server.ledger import Ledger

log = logging.getLogger("livegraft.learner")
PARENT_PID = "LIVEGRAFT_PARENT_PID"
"""Environment variable that names the server to its learner: a server killed before the learner first looks
at its parent would otherwise leave an orphan that takes init for its server."""


@dataclass(frozen=True, slots=True)
class ChildOptions:
    """Everything the learner process needs to know."""

    home: str
    learner: LearnerOptions
    nice: int = 10
    latency_budget_ms: float = 0.0
    """Between two tokens of a chat answer, at the 99th percentile; 0: none."""
    least_share: float = 0.05
    """Of all time, what learning gets under steady load whatever the budget says."""
    gpu_reserve_mb: int = 0
    """Memory of the GPU that is taken at the learner's start and kept; 0: none."""
    trainer: Literal["peft", "fake"] = "peft"
    log_format: Literal["human", "json"] = "human"
    log_level: str = "info"


def options_file(home: Path) -> Path:
    """Where the server leaves the options for its learner."""
    return home / "run" / "learner.json"


def write_options(options: ChildOptions) -> None:
    """Leave the options for the next start of the learner."""
    path = options_file(Path(options.home))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(dataclasses.asdict(options), default=str, indent=1))


def read_options(home: Path) -> ChildOptions:
    """The options the server left. Raises FileNotFoundError when no server has run with this home."""
    raw = json.loads(options_file(home).read_text())
    learner = raw["learner"]
    learner["model_dir"] = Path(learner["model_dir"])
    return ChildOptions(**{**raw, "learner": LearnerOptions(**learner)})


def make_yield_hook(duty: Callable[[], None], alive: Callable[[], bool]) -> Callable[[], None]:
    """Called between micro-steps: no training for a server that is gone, and chat first."""

    def hook() -> None:
        if not alive():
            os._exit(0)  # nothing to clean up: the lease runs out and the edits are claimed again
        duty()

    return hook


def duty(options: ChildOptions, home: Path) -> Duty:
    """How this learner makes way for chat. On a GPU it also takes its memory and the least urgent stream."""
    busy = BusyFile(home / FILE)
    budget_seconds = options.latency_budget_ms / 1000
    if options.trainer == "fake" or not gpu.present():
        return Duty(busy, budget_seconds, options.least_share)
    settle = gpu.begin(options.gpu_reserve_mb)
    return Duty(busy, budget_seconds, options.least_share, settle)


def trainer(name: str, home: Path) -> Train:
    """The function that trains. torch is imported here and nowhere else in this process's start."""
    if name == "fake":
        from server.learner import fake

        return fake.run
    from server.learner import consolidate, update

    def run(
        given: UpdateInput,
        yield_hook: Callable[[], None] | None = None,
        progress: Callable[[str, float], None] | None = None,
    ) -> UpdateResult:
        train = consolidate.run if given.consolidation else update.run
        return train(given, yield_hook, progress, cache_dir=home / "models")

    return run


def examiner(name: str, home: Path) -> Examine:
    """The function that examines without training."""
    if name == "fake":
        from server.learner import fake

        return fake.examine
    from server.learner.examine import run

    return functools.partial(run, cache_dir=home / "models")


def prepare(options: ChildOptions, home: Path, hook: Callable[[], None]) -> None:
    """What the first update would have to wait for. A failure is only told: the update meets it again."""
    if options.trainer == "fake":
        return
    from server.learner import update

    try:
        update.prepare(options.learner.model_dir, options.learner.threads, home / "models", hook)
    except Exception as error:  # torch and transformers raise what they like
        log.warning("the learner could not prepare: %s: %s", type(error).__name__, error)


def main(home: Path) -> None:
    """Run the learner of `home` until its parent is gone."""
    options = read_options(home)
    logs.configure(options.log_format, options.log_level)
    with contextlib.suppress(OSError):
        os.nice(options.nice)
    parent = int(os.environ.get(PARENT_PID) or os.getppid())

    def alive() -> bool:
        return os.getppid() == parent

    ledger = Ledger.open(home)
    try:
        hook = make_yield_hook(duty(options, home), alive)
        learner = Learner(
            ledger,
            Store(home / "store"),
            options.learner,
            trainer(options.trainer, home),
            hook,
            examiner(options.trainer, home),
        )
        prepare(options, home, hook)
        log.info("the learner is ready")
        learner.run(alive)
    finally:
        ledger.close()


class Supervisor:
    """Keeps one learner process alive beside the server."""

    def __init__(
        self, options: ChildOptions, on_death: Callable[[str], object], first_pause_seconds: float = 1.0
    ) -> None:
        """`on_death` is told the owner name of a learner that died, to give its claims back at once."""
        self._options = options
        self._on_death = on_death
        self._pause_seconds = first_pause_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._task: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The learner's process id while it lives."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def start(self) -> None:
        """Start the learner and watch over it."""
        write_options(self._options)
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        """End the learner; what it was doing is claimed again at the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            try:
                await asyncio.to_thread(self._child.wait, 5)
            except subprocess.TimeoutExpired:
                self._child.kill()
                await asyncio.to_thread(self._child.wait)

    async def _watch(self) -> None:
        pause = self._pause_seconds
        while True:
            started = time.monotonic()
            self._child = self._spawn()
            await asyncio.to_thread(self._child.wait)
            if time.monotonic() - started > 60:
                pause = self._pause_seconds
            self.restarts += 1
            await asyncio.to_thread(self._on_death, owner_name(self._child.pid))
            log.warning("the learner ended with code %s; again in %.0f s", self._child.returncode, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 60.0)

    def _spawn(self) -> subprocess.Popen[bytes]:
        threads = str(self._options.learner.threads)
        env = os.environ | {
            "OMP_NUM_THREADS": threads,
            "GOMP_SPINCOUNT": "10000",  # more takes the cores from chat; 0 makes a step a third longer
            "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "128",  # compiled kernels kept; 1,024 by default
            "TOKENIZERS_PARALLELISM": "false",
            PARENT_PID: str(os.getpid()),
            **gpu.MPS_PRIORITY,
        }
        command = [sys.executable, "-m", "server.learner", self._options.home]
        return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL)
