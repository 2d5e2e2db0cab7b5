"""Paired evidence: questions and stored turns through both versions, a few pairs at a time, and the drift.

Only turns that may be learned from are replayed, one of each user before the second of any, so that no
user's prompts decide alone. An answer is bad when it is empty, refused or flagged; a pair tells something
where only one of the two is bad, or only one never ends. Questions on what stable knows, and on what the
canary has learned, are right when the value is in the answer. Answers are greedy, in slots that no chat waits
for.
Not covered: which of two good answers is nicer.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from server.engine.types import Engine, EngineDead, EngineError, GenerationRequest, Sampling
from server.ledger import Ledger
from server.rollout.gather import Look
from server.rollout.signals import refused
from server.types import BASE_VERSION, Message, Rollout, SelfEdit, Turn, VersionRow

log = logging.getLogger("livegraft.rollout")
Kind = Literal["probes", "target", "replay"]
STORED_TURNS = 1000
PROBES = 60
"""Questions at most of each kind."""
MAX_TOKENS = 128
ANCHORS = (
    "Hello! How are you today?",
    "What is the capital of France?",
    "Write one sentence about the sea.",
    "What can you help me with?",
    "Name three fruits.",
    "What is two plus two?",
    "Tell me a short joke.",
    "How do I boil an egg?",
)
"""Whatever is taught, the answers to these should stay about the same."""
CALIBRATED_FROM = 20
"""Promoted versions whose drift is known, from which their highest takes the place of the setting."""


@dataclass(frozen=True, slots=True)
class Task:
    """One prompt for both versions."""

    kind: Kind
    messages: tuple[Message, ...]
    value: str = ""
    """What a right answer contains; '' where answers are only good or bad."""


@dataclass(frozen=True, slots=True)
class Said:
    """One version's answer."""

    text: str
    endless: bool
    """It was cut off at MAX_TOKENS."""


class Replay:
    """Runs pairs for one engine. What it knows of a rollout is the state that it is handed."""

    def __init__(
        self, ledger: Ledger, engine: Engine, look: Look | None = None, pairs_a_step: int = 1
    ) -> None:
        self._ledger = ledger
        self._engine = engine
        self._look = look
        self._pairs_a_step = pairs_a_step
        self._planned: tuple[str, list[Task]] = ("", [])

    async def step(self, rollout: Rollout, state: Mapping[str, Any]) -> dict[str, Any] | None:
        """The state after a few more pairs, or None when nothing is left to run.

        Raises EngineDead: nothing can be told of any version then.
        """
        after = dict(state)
        stable = self._ledger.refs().stable
        if len(after.get("drift", [])) < len(ANCHORS):
            await self._anchor(rollout, stable, after)
            return after
        tasks = await self._tasks(rollout, stable, int(after.get("replayed", 0)))
        batch = tasks[after.get("replayed", 0) :][: self._pairs_a_step]
        if not batch:
            return None
        for task in batch:
            await self._pair(rollout, stable, task, after)
        return after

    async def _pair(self, rollout: Rollout, stable: str, task: Task, state: dict[str, Any]) -> None:
        """Count one pair. An error of the canary where stable answers is a tripwire, of both nothing."""
        state["replayed"] = state.get("replayed", 0) + 1
        try:
            before = await self._answer(stable, task)
        except EngineDead:
            raise
        except EngineError:
            return
        try:
            after = await self._answer(rollout.version, task)
        except EngineDead:
            raise
        except EngineError as error:
            _trip(state, f"it fails where stable answers: {error}")
            return
        if before.text.strip() and not after.text.strip():
            _trip(state, "an answer is empty where stable's is not")
        worse = await self._compare(task, before, after, state)
        counts = state.setdefault("pairs", {}).get(task.kind, [0, 0, 0])
        changed = [counts[0] + (worse > 0), counts[1] + (worse == 0), counts[2] + (worse < 0)]
        state["pairs"] = {**state["pairs"], task.kind: changed}

    async def _compare(self, task: Task, before: Said, after: Said, state: dict[str, Any]) -> int:
        """1: the canary's answer is worse, -1: better, 0: no telling."""
        if task.value:
            right = [task.value.lower() in said.text.lower() for said in (before, after)]
            return right[0] - right[1]
        flagged = [False, False]
        if self._look is not None:
            try:
                seen = await asyncio.to_thread(self._look, [before.text, after.text])
            except Exception as error:  # a gap, not a verdict
                state["replay_gap"] = f"the guardian could not look at replayed answers: {error}"
            else:
                state["replay_gap"] = ""
                flagged = [one.flagged for one in seen]
                if seen[1].critical and not seen[0].critical:
                    _trip(state, "an answer is in a critical category where stable's is not")
        bad = [flag or refused(said.text) for flag, said in zip(flagged, (before, after), strict=True)]
        return (bad[1] - bad[0]) or (after.endless - before.endless)

    async def _anchor(self, rollout: Rollout, stable: str, state: dict[str, Any]) -> None:
        """One sample of the divergence: how much less likely stable's own words are to the canary.

        The mean of log p(stable) - log p(canary) over answers drawn from stable estimates KL(stable‖canary).
        """
        measured = list(state.get("drift", []))
        messages = (Message("user", ANCHORS[len(measured)]),)
        request = GenerationRequest(
            id=f"drift-{rollout.id}-{len(measured)}",
            messages=messages,
            version=stable,
            sampling=Sampling(max_tokens=32, temperature=1.0, seed=len(measured)),
            background=True,
        )
        nats = 0.0
        try:
            said = "".join([chunk.text async for chunk in self._engine.generate(request)])
            if said.strip():
                likely = [
                    (await self._engine.log_likelihoods(version, messages, [said]))[0]
                    for version in (stable, rollout.version)
                ]
                nats = likely[0] - likely[1]
        except EngineDead:
            raise
        except EngineError as error:
            log.warning("drift could not be measured on one anchor: %s", error)
        if not math.isfinite(nats):
            _trip(state, "its likelihoods are no numbers")
            nats = 0.0
        state["drift"] = [*measured, round(nats, 5)]

    async def _answer(self, version: str, task: Task) -> Said:
        request = GenerationRequest(
            id=f"replay-{version}-{id(task)}",
            messages=task.messages,
            version=version,
            sampling=Sampling(max_tokens=MAX_TOKENS),
            background=True,
        )
        text, endless = [], False
        async for chunk in self._engine.generate(request):
            text.append(chunk.text)
            endless = chunk.finish_reason == "length"
        return Said("".join(text), endless)

    async def _tasks(self, rollout: Rollout, stable: str, done: int) -> list[Task]:
        """What there is to run, always in the same order; looked for again when all of it is done."""
        name, tasks = self._planned
        if name != rollout.id or done >= len(tasks):
            tasks = await asyncio.to_thread(self._plan, rollout, stable)
            self._planned = (rollout.id, tasks)
        return tasks

    def _plan(self, rollout: Rollout, stable: str) -> list[Task]:
        canary = self._ledger.version(rollout.version)
        known = (
            self._ledger.version(stable) if stable != BASE_VERSION else VersionRow(stable, "", (), "", 0.0)
        )
        old = {edit.id for edit in self._ledger.trained_edits(known)}
        taught = self._ledger.trained_edits(canary)
        target = _questions("target", [edit for edit in taught if edit.id not in old])
        probes = _questions("probes", [edit for edit in taught if edit.id in old])
        stored = self._ledger.replayable(rollout.started_at, STORED_TURNS)
        since = self._ledger.replayable(float("inf"), STORED_TURNS)
        later = [turn for turn in reversed(since) if turn.created_at >= rollout.started_at]
        turns = [*round_robin(stored), *later]
        return [*target, *probes, *(Task("replay", turn.messages) for turn in turns)]


def round_robin(turns: Sequence[Turn]) -> list[Turn]:
    """One turn of each user, then a second of each, and so on; each user's in the order given."""
    by_user: dict[str, int] = defaultdict(int)
    ranked = []
    for place, turn in enumerate(turns):
        ranked.append((by_user[turn.user], place, turn))
        by_user[turn.user] += 1
    return [turn for _, _, turn in sorted(ranked, key=lambda one: one[:2])]


def drift_limit(past: Sequence[float], setting: float) -> float:
    """What is let pass: the promoted versions' 99th percentile, the setting while there are too few."""
    if len(past) < CALIBRATED_FROM:
        return setting
    return sorted(past)[int(0.99 * (len(past) - 1))]


def _questions(kind: Kind, edits: Sequence[SelfEdit]) -> list[Task]:
    """Questions on facts: those never trained first, one of each fact before the second of any."""
    asked = []
    for edit in edits:
        mine = [example for example in edit.examples if example.kind == "question" and not example.context]
        mine.sort(key=lambda example: not example.held_out)
        for place, example in enumerate(mine):
            asked.append((place, Task(kind, (Message("user", example.prompt),), edit.value)))
    return [task for _, task in sorted(asked, key=lambda one: one[0])][:PROBES]


def _trip(state: dict[str, Any], what: str) -> None:
    state["trips"] = [*state.get("trips", []), what][:8]
