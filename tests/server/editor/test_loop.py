"""Turns taken off the ledger, written, judged and stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from guardian import Candidate, Decision, Finding, Guardian, Policy, Scope, Source, Status, Verdict
from server.editor.loop import GUARDIAN_RETRY_SECONDS, EditorLoop
from server.engine.fake import FakeEngine
from server.engine.types import EngineError
from server.ledger import Ledger
from server.types import EditState, Turn
from tests.support.editor import PORT, good_writer, until
from tests.support.rows import Clock

Told = Callable[..., Turn]


class Faint(Guardian):
    """The real guardian, one of whose checks cannot run while it is ill."""

    def __init__(self) -> None:
        super().__init__(Policy())
        self.ill = True

    def judge(self, candidate: Candidate, source: Source) -> Verdict:
        verdict = super().judge(candidate, source)
        if not self.ill:
            return verdict
        error = Finding(
            "toxicity", "none", Decision.QUARANTINE, Scope.NONE, Status.ERROR, evidence="no model"
        )
        return Verdict(Decision.QUARANTINE, Scope.NONE, (error,))


async def test_a_step_writes_judges_and_stores_a_turns_facts(
    ledger: Ledger, engine: FakeEngine, guardian: Guardian, told: Told
) -> None:
    ledger.add_turn(told(PORT), True)
    loop = EditorLoop(ledger, engine, guardian)
    assert await loop.step() is True
    (edit,) = ledger.edits("t1")
    assert (edit.state, edit.value) == (EditState.ALLOWED, "8443")
    assert len(ledger.verdicts(edit.id)) == len(edit.examples)
    assert ledger.count_pending() == 1
    assert await loop.step() is False


async def test_a_turn_without_facts_is_done_and_says_why(
    ledger: Ledger, engine: FakeEngine, guardian: Guardian, told: Told
) -> None:
    ledger.add_turn(told("What is the admin port?"), True)
    assert await EditorLoop(ledger, engine, guardian).step() is True
    assert ledger.edits("t1") == []
    assert "nothing to learn" in ledger.lineage("t1").state
    assert "a question" in ledger.lineage("t1").state


async def test_what_is_not_global_is_kept_for_memory(
    ledger: Ledger, engine: FakeEngine, guardian: Guardian, told: Told
) -> None:
    ledger.add_turn(told("My dog is called Rex."), True)
    await EditorLoop(ledger, engine, guardian).step()
    assert [edit.state for edit in ledger.edits("t1")] == [EditState.MEMORY_ONLY]
    assert ledger.count_pending() == 0


async def test_the_version_that_answered_writes_and_stable_when_it_is_gone(
    ledger: Ledger, engine: FakeEngine, guardian: Guardian, told: Told
) -> None:
    ledger.add_turn(told(PORT, version="v7"), True)
    await EditorLoop(ledger, engine, guardian).step()
    assert {request.version for request in engine.requests} == {"v0"}
    assert len(ledger.edits("t1")) == 1


async def test_a_failed_job_keeps_its_reason_and_is_tried_again_later(
    ledger: Ledger, engine: FakeEngine, guardian: Guardian, told: Told, clock: Clock
) -> None:
    ledger.add_turn(told(PORT), True)
    engine.fail_next(EngineError("out of memory"))
    loop = EditorLoop(ledger, engine, guardian, retry_seconds=10.0)
    assert await loop.step() is True
    assert "out of memory" in ledger.lineage("t1").state
    assert await loop.step() is False
    clock.now += 11.0
    assert await loop.step() is True
    assert len(ledger.edits("t1")) == 1


async def test_nothing_is_learned_while_the_guardian_cannot_judge_and_an_alarm_shows(
    ledger: Ledger, engine: FakeEngine, told: Told
) -> None:
    guardian, clock = Faint(), Clock()
    loop = EditorLoop(ledger, engine, guardian, clock=clock)
    ledger.add_turn(told(PORT), True)
    await loop.step()
    assert ledger.edits("t1") == []
    assert "toxicity" in loop.alarms()[0]
    written = len(engine.requests)
    for _ in range(3):
        clock.now += GUARDIAN_RETRY_SECONDS
        assert await loop.step() is False
    assert len(engine.requests) == written, "no writing while nothing can be judged"
    guardian.ill = False
    assert await loop.step() is False, "not yet asked again"
    clock.now += GUARDIAN_RETRY_SECONDS
    assert await loop.step() is True
    assert [edit.state for edit in ledger.edits("t1")] == [EditState.ALLOWED]
    assert loop.alarms() == []


async def test_a_lease_is_kept_alive_while_the_model_writes(
    ledger: Ledger, guardian: Guardian, told: Told, clock: Clock
) -> None:
    engine = FakeEngine(good_writer, seconds_per_token=0.02, max_batch=4)
    await engine.start()
    ledger.add_turn(told(PORT), True)
    step = asyncio.create_task(EditorLoop(ledger, engine, guardian, lease_seconds=0.3).step())
    await until(lambda: engine.requests)
    for _ in range(4):  # more time than the lease was for
        await asyncio.sleep(0.12)
        clock.now += 0.15
        assert ledger.claim_job("edit", "thief", 60.0) is None
    await step
    assert len(ledger.edits("t1")) == 1


async def test_a_lost_lease_stops_the_writing_and_stores_nothing(
    ledger: Ledger, guardian: Guardian, told: Told, clock: Clock
) -> None:
    engine = FakeEngine(good_writer, seconds_per_token=0.02, max_batch=4)
    await engine.start()
    ledger.add_turn(told(PORT), True)
    step = asyncio.create_task(EditorLoop(ledger, engine, guardian, lease_seconds=0.3).step())
    await until(lambda: engine.requests)
    clock.now += 1.0
    thief = ledger.claim_job("edit", "thief", 60.0)
    assert thief is not None
    assert await step is True
    assert ledger.edits("t1") == []
    ledger.heartbeat_job(thief, 60.0)


async def test_a_stopped_step_gives_its_job_back_at_once(
    ledger: Ledger, guardian: Guardian, told: Told
) -> None:
    engine = FakeEngine(good_writer, seconds_per_token=0.02)
    await engine.start()
    ledger.add_turn(told(PORT), True)
    step = asyncio.create_task(EditorLoop(ledger, engine, guardian).step())
    await until(lambda: engine.requests)
    step.cancel()
    await asyncio.gather(step, return_exceptions=True)
    job = ledger.claim_job("edit", "next", 60.0)
    assert job is not None
    assert job.attempts == 1


async def test_a_preview_tells_what_would_be_learned_and_stores_nothing(
    ledger: Ledger, engine: FakeEngine, guardian: Guardian, told: Told
) -> None:
    shown: dict[str, Any] = await EditorLoop(ledger, engine, guardian).preview(told(PORT))
    (edit,) = shown["self_edits"]
    assert edit["statement"] == PORT
    assert edit["state"] == "allowed"
    assert edit["verdict"] == {"decision": "allow", "findings": []}
    assert all(example["verdict"]["decision"] == "allow" for example in edit["examples"])
    assert ledger.turns() == []


async def test_a_turn_that_the_guardian_cannot_judge_though_it_judges_others_makes_way_for_them(
    ledger: Ledger, engine: FakeEngine, told: Told
) -> None:
    class Allergic(Faint):
        """Faints at one word."""

        def judge(self, candidate: Candidate, source: Source) -> Verdict:
            self.ill = "Zephyr" in candidate.prompt + candidate.completion
            return super().judge(candidate, source)

    loop = EditorLoop(ledger, engine, Allergic())
    ledger.add_turn(told(PORT), True)
    ledger.add_turn(told(PORT.replace("Zephyr", "Kelso"), id="t2", request_hash="2"), True)
    assert await loop.step() is True
    assert await loop.step() is True
    assert [edit.state for edit in ledger.edits("t2")] == [EditState.ALLOWED]
    assert "no model" in ledger.lineage("t1").state
    assert loop.alarms() == []
    assert await loop.step() is False
