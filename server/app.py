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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from adapter_store import Store
from guardian import VERSION, Guardian, Policy
from guardian.moderation import shared
from server import planning, workers
from server.alarms import AlarmTeller
from server.api import create_api
from server.api.context import Context
from server.busy import FILE as BUSY_FILE
from server.busy import BusyFile
from server.config import Settings
from server.editor.loop import EditorLoop
from server.editor.preference_loop import PreferenceLoop
from server.editor.reviews_loop import ReviewOptions, ReviewsLoop
from server.editor.signals_loop import SignalsLoop
from server.embedding import Embedding, EmbeddingsDown
from server.embedding.local import LocalEmbedding
from server.embedding.remote import RemoteEmbedding
from server.engine.types import Engine, EngineError
from server.engine.vllm import VllmEngine
from server.guardian_process import GuardianProcess
from server.leader import Leadership
from server.learner.child import ChildOptions, Supervisor
from server.learner.plan import Plan
from server.learner.record import LearnerOptions
from server.learner.rejections import Rejections
from server.ledger import Ledger
from server.operations import Operations
from server.replicas import show_replicas, vllm_options
from server.rollout import Fleet, Forget, Looked, Moves, Replay, RolloutLoop

log = logging.getLogger("livegraft")
IDLE_SECONDS = 0.3
REJECTIONS_SECONDS = 5.0
REVIEWS_SECONDS = 2.0
SIGNALS_SECONDS = 1.0
ALARMS_SECONDS = 1.0
THREADS = 64
Loop = tuple[str, Callable[[], Awaitable[object]], float]
"""Name, step, and the pause in seconds after a step that found nothing to do."""
LEADER_SECONDS = 0.5
CRITICAL = ("sexual/minors", "self-harm/instructions", "illicit/violent", "hate/threatening")
"""Categories of which one answer withdraws a canary, if stable's answer to the same is in none."""
BUSY_SECONDS = 0.02
"""How often the learner is told whether chat is waiting."""
PACE_SECONDS = 0.5
"""How often the recent waits between tokens are sorted for their 99th percentile."""


def make_engine(settings: Settings, plan: Plan | None = None) -> Engine:
    """The engine that the settings ask for, not started. Raises EngineError when its model is not there."""
    if settings.engine.kind == "fake":
        from server.engine.fake import FakeEngine
        from server.engine.fake_script import loop_script

        return FakeEngine(loop_script, model_name=settings.model, max_batch=settings.engine.max_batch)
    from server.engine.models import resolve

    if settings.engine.kind == "vllm":
        whole = resolve(settings.model, settings.home, widened=False)  # vLLM has its own way with precision
        options = vllm_options(settings, planning.vllm_cache_bytes(plan))
        return VllmEngine(whole.path, whole.name, options, base_digest=whole.digest)
    # Read when torch is first imported, below. Threads that spin for long while they wait take the cores from
    # the learner and from HTTP, and everything becomes ten times slower; threads that sleep at once answer a
    # single stream some 30 % slower than these, which spin for a moment first.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    from server.engine.embedded import EmbeddedEngine

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
        return GuardianProcess(
            settings.guardian_policy(), settings.guardian.timeout_seconds, busy=settings.home / BUSY_FILE
        )
    return Guardian(settings.guardian_policy())


def looker(policy: Policy) -> Callable[[Sequence[str]], list[Looked]]:
    """What the rollout asks about answers: the scorer that moderation uses, loaded when it is first asked."""

    def look(texts: Sequence[str]) -> list[Looked]:
        found = shared(policy)(list(texts))
        return [Looked(one.flagged, any(one.categories.get(name) for name in CRITICAL)) for one in found]

    return look


def make_embedding(settings: Settings) -> Embedding:
    """What embeds, by the settings. Raises EmbeddingsDown when its key is not there."""
    chosen = settings.embeddings
    if not chosen.base_url:
        return LocalEmbedding(chosen.model_dir)
    key = os.environ.get(chosen.key_env, "") if chosen.key_env else ""
    if chosen.key_env and not key:
        raise EmbeddingsDown(f"embeddings.key_env names {chosen.key_env}, and that variable is not set")
    return RemoteEmbedding(chosen.base_url, chosen.model, key, chosen.timeout_seconds)


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
        self.plan = planning.announce(settings)
        self.engine = make_engine(settings, self.plan)
        check_base(settings.home, self.engine)
        self.guardian = make_guardian(settings)
        store = Store(settings.home / "store")
        policy = settings.rollout_policy()
        self.fleet = Fleet(self.ledger, store, self.engine)
        self.moves = Moves(self.ledger, store, self.engine, self.fleet, policy)
        self.forget = Forget(self.ledger, store, self.fleet, self.moves)
        owner = f"server-{os.getpid()}"
        look = looker(self.guardian.policy)
        replay = Replay(self.ledger, self.engine, look)
        self.rollout = RolloutLoop(self.ledger, self.fleet, self.moves, policy, owner, look, replay)
        self.editor = EditorLoop(self.ledger, self.engine, self.guardian, owner=owner)
        self.operations = Operations(
            self.ledger,
            self.engine,
            self.fleet,
            self.moves,
            self.forget,
            self.editor.preview,
            settings.indistinct(),
        )
        self.preferences = PreferenceLoop(self.ledger, self.guardian, owner=owner)
        self.signals = SignalsLoop(self.ledger, self._count_signals)
        self.alarms = AlarmTeller(self.ledger, self.operations.alarms, owner)
        self.reviews = ReviewsLoop(self.ledger, self.guardian, review_options(settings), owner=owner)
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
            settings.api_policy(),
            self.engine,
            self.ledger,
            self.guardian,
            self.operations,
            make_embedding(settings),
        )
        if isinstance(self.guardian, GuardianProcess):
            child, shown = self.guardian, self.context.metrics
            shown.guardian_resident.set_function(child.resident_bytes)
            shown.guardian_restarts.set_function(lambda: child.restarts)
        if isinstance(self.engine, VllmEngine):
            self.operations.add_alarms(self.engine.alarms)
            show_replicas(self.engine, self.context.metrics)
        self._leadership = Leadership(settings.home / "run" / "leader.lock")
        self._busy = BusyFile(settings.home / BUSY_FILE, workers.number())
        self._p99_seconds, self._arrivals = 0.0, 0
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Load the model and the versions in use, then set the loops going."""
        # Each preview or check in progress holds a thread until it is judged; a guardian that hangs must
        # leave some for what chat depends on.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "livegraft"))
        self._leadership.take()
        if isinstance(self.guardian, GuardianProcess) and self._leadership.held:
            self.guardian.start()  # first: it loads while the engine does
        version, file = self.guardian.policy.version, self._settings.guardian.policy_file
        await self.ledger.call(self.ledger.note_policy, version, VERSION, file)
        await self.engine.start()
        await self.operations.refresh()
        loops: list[Loop] = [
            ("refs", self.operations.refresh, self._settings.rollout.poll_seconds),
            ("rollout", self._roll, IDLE_SECONDS),
            ("busy", self._tell_busy, BUSY_SECONDS),
            ("pace", self._measure_pace, PACE_SECONDS),
            ("rejections", self.rejections.refresh, REJECTIONS_SECONDS),
            ("alarms", self.alarms.step, ALARMS_SECONDS),
        ]
        if self._leadership.held:
            self._begin_leading()
        else:
            loops.append(("leader", self._take_lead, LEADER_SECONDS))
        self._go_on(loops)

    async def _take_lead(self) -> None:
        """Do the work behind chat from here on, where the process that did it is gone."""
        if not self._leadership.held and self._leadership.take():
            log.warning("this process takes over editor, reviews and learner")
            if isinstance(self.guardian, GuardianProcess):
                self.guardian.start()
            self._begin_leading()

    def _begin_leading(self) -> None:
        loops: list[Loop] = [
            ("reviews", self.reviews.step, REVIEWS_SECONDS),
            ("signals", self.signals.step, SIGNALS_SECONDS),
        ]
        if self.supervisor is not None:
            loops.append(("editor", self.editor.step, IDLE_SECONDS))
            loops.append(("feedback", self.preferences.step, IDLE_SECONDS))
            self.supervisor.start()
        self._go_on(loops)

    def _go_on(self, loops: Sequence[Loop]) -> None:
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
        await self.context.embedding.close()
        await self.engine.close()
        self.ledger.close()
        self._leadership.leave()

    async def _roll(self) -> None:
        """What the rollout moved holds at once in the process that moved it."""
        await self.rollout.step()
        await self.operations.refresh()
        await self.forget.finish(seconds=0)

    async def _tell_busy(self) -> None:
        arrivals = self.context.pace.arrivals
        self._busy.write(self.engine.busy, self._p99_seconds, arrivals > self._arrivals)
        self._arrivals = arrivals

    async def _measure_pace(self) -> None:
        self._p99_seconds = self.context.pace.p99()
        self.context.metrics.inter_token_p99.set(self._p99_seconds)

    def _count_signals(self, found: Mapping[str, int]) -> None:
        for kind, times in found.items():
            self.context.metrics.signals.labels(kind).inc(times)

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
