"""The composition root: the only place that names a concrete engine or trainer, and starts everything.

Order of start: ledger, model, engine, versions in use, HTTP, then editor, rollout and learner. Chat does not
depend on the last three: each runs in a task that logs what goes wrong and tries again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from adapter_store import Store
from guardian import VERSION, Guardian
from server import planning
from server.api import create_api
from server.api.context import Context
from server.config import Settings
from server.editor.loop import EditorLoop
from server.editor.preference_loop import PreferenceLoop
from server.editor.reviews_loop import ReviewOptions, ReviewsLoop
from server.engine.busy import BusyFile
from server.engine.types import Engine, EngineError
from server.guardian_process import GuardianProcess
from server.learner.child import ChildOptions, Supervisor
from server.learner.record import LearnerOptions
from server.learner.rejections import Rejections
from server.ledger import Ledger
from server.operations import Operations
from server.rollout import Fleet, Forget, Moves, RolloutLoop, RolloutPolicy

log = logging.getLogger("livegraft")
IDLE_SECONDS = 0.3
REJECTIONS_SECONDS = 5.0
REVIEWS_SECONDS = 2.0
THREADS = 64
BUSY_SECONDS = 0.02
"""How often the learner is told whether chat is waiting."""


def make_engine(settings: Settings) -> Engine:
    """The engine that the settings ask for, not started. Raises EngineError when its model is not there."""
    if settings.engine.kind == "fake":
        from server.engine.fake import FakeEngine
        from server.engine.fake_script import loop_script

        return FakeEngine(loop_script, model_name=settings.model, max_batch=settings.engine.max_batch)
    # Read when torch is first imported, below. Threads that spin for long while they wait take the cores from
    # the learner and from HTTP, and everything becomes ten times slower; threads that sleep at once answer a
    # single stream some 30 % slower than these, which spin for a moment first.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    from server.engine.embedded import EmbeddedEngine
    from server.engine.models import resolve

    folder = resolve(settings.model, settings.home)
    return EmbeddedEngine(
        folder.path,
        folder.name,
        base_digest=folder.digest,
        max_batch=settings.engine.max_batch,
        max_model_len=settings.engine.max_model_len,
        threads=settings.engine.threads or os.cpu_count() or 1,
        device=settings.engine.device,
        kv_cache_bytes=settings.engine.kv_cache_mb << 20,
    )


def review_options(settings: Settings) -> ReviewOptions:
    """What the reviews' loop is told of the settings and the data policy."""
    guardian = settings.guardian
    return ReviewOptions(
        quarantine_days=guardian.expire_days,
        spot_check_share=guardian.spot_check_share,
        untaught_days=guardian.data_policy.retention.untaught_days,
        keys=bool(settings.keys),
        two_persons=guardian.two_persons or guardian.data_policy.two_persons,
    )


def make_guardian(settings: Settings) -> Guardian | GuardianProcess:
    """The guardian that the settings ask for, not started. Raises BadPolicy."""
    if settings.guardian.process:
        return GuardianProcess(settings.guardian_policy(), settings.guardian.timeout_seconds)
    return Guardian(settings.guardian_policy())


class OtherBase(EngineError):
    """This home belongs to another base model."""


def check_base(home: Path, engine: Engine) -> None:
    """Refuse to serve versions of one base model on another: their numbers would mean nothing.

    The first server of a home writes down its base. Raises OtherBase.
    """
    note = home / "base.json"
    base = {"model": engine.model_name, "digest": engine.base_digest}
    if not note.exists():
        note.write_text(json.dumps(base))
        return
    known = json.loads(note.read_text())
    if known["digest"] != base["digest"]:
        raise OtherBase(
            f"{home} holds what was learned on {known['model']} ({known['digest'][:12]}), and the model now "
            f"is {base['model']} ({base['digest'][:12]}). Serve {known['model']} again, or give --home "
            "another folder."
        )


class Livegraft:
    """One server process: the parts and the tasks that keep them going."""

    def __init__(self, settings: Settings) -> None:
        settings.home.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        self.ledger = Ledger.open(settings.home)
        self.engine = make_engine(settings)
        check_base(settings.home, self.engine)
        self.guardian = make_guardian(settings)
        store = Store(settings.home / "store")
        rollout = settings.rollout
        policy = RolloutPolicy(
            weight=rollout.weight,
            auto_promote=rollout.auto_promote,
            promote_after_seconds=rollout.promote_after_seconds,
            min_canary_turns=rollout.min_canary_turns,
            max_failed_turns=rollout.max_failed_turns,
            max_thumbs_down=rollout.max_thumbs_down,
        )
        self.fleet = Fleet(self.ledger, store, self.engine)
        self.moves = Moves(self.ledger, store, self.engine, self.fleet, policy)
        self.forget = Forget(self.ledger, store, self.fleet, self.moves)
        owner = f"server-{os.getpid()}"
        self.rollout = RolloutLoop(self.ledger, self.fleet, self.moves, policy, owner)
        self.editor = EditorLoop(self.ledger, self.engine, self.guardian, owner=owner)
        self.operations = Operations(
            self.ledger, self.engine, self.fleet, self.moves, self.forget, self.editor.preview
        )
        self.preferences = PreferenceLoop(self.ledger, self.guardian, owner=owner)
        self.reviews = ReviewsLoop(self.ledger, self.guardian, review_options(settings), owner=owner)
        self.plan = planning.announce(settings)
        self.supervisor = (
            Supervisor(self._child_options(), self.ledger.release_owner)
            if settings.learning.enabled
            else None
        )
        self.operations.add_alarms(self.guardian.health)
        self.operations.add_alarms(self.editor.alarms)
        self.rejections = Rejections(self.ledger)
        self.operations.add_alarms(self.rejections.alarms)
        self.operations.add_alarms(self.preferences.alarms)
        self.operations.add_alarms(self.reviews.alarms)
        self.context = Context(
            settings.api_policy(), self.engine, self.ledger, self.guardian, self.operations
        )
        if isinstance(self.guardian, GuardianProcess):
            child, shown = self.guardian, self.context.metrics
            shown.guardian_resident.set_function(child.resident_bytes)
            shown.guardian_restarts.set_function(lambda: child.restarts)
        self._busy = BusyFile(settings.home / "run" / "busy")
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load the model and the versions in use, then set the loops going."""
        # Each preview or check in progress holds a thread until it is judged; a guardian that hangs must
        # leave some for what chat depends on.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "livegraft"))
        if isinstance(self.guardian, GuardianProcess):
            self.guardian.start()  # first: it loads while the engine does
        version, file = self.guardian.policy.version, self._settings.guardian.policy_file
        await self.ledger.call(self.ledger.note_policy, version, VERSION, file)
        await self.engine.start()
        await self.operations.refresh()
        loops: list[tuple[str, Callable[[], Awaitable[object]], float]] = [
            ("refs", self.operations.refresh, self._settings.rollout.poll_seconds),
            ("rollout", self._roll, IDLE_SECONDS),
            ("busy", self._tell_busy, BUSY_SECONDS),
            ("rejections", self.rejections.refresh, REJECTIONS_SECONDS),
            ("reviews", self.reviews.step, REVIEWS_SECONDS),
        ]
        if self.supervisor is not None:
            loops.append(("editor", self.editor.step, IDLE_SECONDS))
            loops.append(("feedback", self.preferences.step, IDLE_SECONDS))
            self.supervisor.start()
        for name, step, pause in loops:
            self._tasks.append(asyncio.create_task(_for_ever(name, step, pause), name=name))

    async def stop(self) -> None:
        """End the loops and the learner, then engine and ledger. What was unfinished is claimed again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.supervisor is not None:
            await self.supervisor.stop()
        if isinstance(self.guardian, GuardianProcess):
            await asyncio.to_thread(self.guardian.stop)
        await self.context.drain()
        await self.engine.close()
        self.ledger.close()

    async def _roll(self) -> None:
        """What the rollout moved holds at once in the process that moved it."""
        await self.rollout.step()
        await self.operations.refresh()
        await self.forget.finish(seconds=0)

    async def _tell_busy(self) -> None:
        p99_seconds = self.context.pace.p99()
        self._busy.write(self.engine.busy, p99_seconds)
        self.context.metrics.inter_token_p99.set(p99_seconds)

    def _child_options(self) -> ChildOptions:
        learning = self._settings.learning
        if self._settings.engine.kind == "fake":
            model_dir = self._settings.home
        else:
            from server.engine.models import resolve

            model_dir = resolve(self._settings.model, self._settings.home).path
        return ChildOptions(
            home=str(self._settings.home.resolve()),
            learner=LearnerOptions(
                model_dir=model_dir,
                model_name=self.engine.model_name,
                base_digest=self.engine.base_digest,
                profile=learning.profile,
                threads=learning.threads or os.cpu_count() or 1,
                seed=learning.seed,
                max_edits_per_update=learning.max_edits_per_update,
                batch_window_seconds=learning.batch_window_seconds,
                max_attempts=learning.max_attempts,
                memory_limit_mb=learning.memory_limit_mb,
                preference_pairs=learning.preference_pairs,
                preference_thumbs=learning.preference_thumbs,
                max_rank=learning.max_rank,
                consolidate_every=learning.consolidate_every,
            ),
            nice=learning.nice,
            latency_budget_ms=learning.latency_budget_ms,
            least_share=learning.least_share,
            gpu_reserve_mb=planning.reserve_mb(self.plan),
            trainer="fake" if self._settings.engine.kind == "fake" else "peft",
            log_format=self._settings.log_format,
            log_level=self._settings.log_level,
        )


async def _for_ever(name: str, step: Callable[[], Awaitable[object]], pause_seconds: float) -> None:
    """Step, pause, step. A failure is logged and tried again: no loop may take chat down with it."""
    while True:
        try:
            worked = await step()
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("the %s loop failed; trying again", name)
            await asyncio.sleep(1.0)
            continue
        if not worked or pause_seconds < IDLE_SECONDS:
            await asyncio.sleep(pause_seconds)


def create(settings: Settings) -> FastAPI:
    """The whole server as an ASGI application; it starts and stops with the application's lifespan."""
    livegraft = Livegraft(settings)
    app = create_api(livegraft.context)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await livegraft.start()
        try:
            yield
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await livegraft.stop()

    app.router.lifespan_context = lifespan
    return app


def serve(settings: Settings) -> None:
    """Run until interrupted."""
    config = uvicorn.Config(
        create(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )
    uvicorn.Server(config).run()
