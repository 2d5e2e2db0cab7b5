from __future__ import annotations

from collections.abc import Callable

import pytest

from server.ledger import Job, Ledger, StaleFence
from server.ledger.jobs import MAX_CLAIMS, MAX_FAILURES
from server.types import EditState
from tests.support.rows import VERDICTS, Clock, make_edit, make_turn


def claimed(ledger: Ledger, owner: str = "editor") -> Job:
    job = ledger.claim_job("edit", owner, 60.0)
    assert job is not None
    return job


def test_jobs_are_taken_oldest_first_and_once(ledger: Ledger, clock: Clock) -> None:
    for number in range(2):
        ledger.add_turn(make_turn(f"t{number}"), True)
        clock.now += 1
    taken = [claimed(ledger).payload["turn_id"], claimed(ledger).payload["turn_id"]]
    assert taken == ["t0", "t1"]
    assert ledger.claim_job("edit", "editor", 60.0) is None
    assert ledger.claim_job("another kind", "editor", 60.0) is None


def test_a_turn_that_is_known_to_state_nothing_needs_no_editor(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1"), True, nothing="'Hello!': a greeting")
    assert not ledger.job_due("edit")
    assert ledger.claim_job("edit", "editor", 60.0) is None
    assert ledger.lineage("t1").state == "nothing to learn: 'Hello!': a greeting"


def test_a_job_is_due_when_it_could_be_taken(ledger: Ledger, clock: Clock) -> None:
    assert not ledger.job_due("edit")
    ledger.add_turn(make_turn("t1"), True)
    assert ledger.job_due("edit")
    assert not ledger.job_due("another kind")
    claimed(ledger)
    assert not ledger.job_due("edit")
    clock.now += 61
    assert ledger.job_due("edit"), "its worker is gone"


def test_a_job_whose_lease_ran_out_is_taken_again_under_a_higher_fence(ledger: Ledger, clock: Clock) -> None:
    ledger.add_turn(make_turn("t1"), True)
    old = claimed(ledger)
    clock.now += 61
    new = claimed(ledger, "another")
    assert (new.id, new.fence > old.fence, new.attempts) == (old.id, True, 2)
    too_late: list[Callable[[], None]] = [
        lambda: ledger.finish_edit_job(old, [(make_edit("e1", "t1"), VERDICTS)]),
        lambda: ledger.heartbeat_job(old, 60.0),
        lambda: ledger.fail_job(old, "late", 0.0),
        lambda: ledger.release_job(old),
    ]
    for late in too_late:
        with pytest.raises(StaleFence, match="held under fence 1"):
            late()
    assert ledger.edits("t1") == []
    ledger.finish_edit_job(new, [(make_edit("e1", "t1"), VERDICTS)])
    assert [edit.id for edit in ledger.edits("t1")] == ["e1"]


def test_jobs_are_open_while_they_are_due_or_held(ledger: Ledger, clock: Clock) -> None:
    assert ledger.count_open_jobs("edit") == 0
    ledger.add_turn(make_turn("t1"), True)
    assert (ledger.count_open_jobs("edit"), ledger.count_open_jobs("another kind")) == (1, 0)
    job = claimed(ledger)
    assert ledger.count_open_jobs("edit") == 1
    ledger.fail_job(job, "later", 30.0)
    assert ledger.count_open_jobs("edit") == 0
    clock.now += 31
    ledger.finish_edit_job(claimed(ledger), [(make_edit("e1", "t1"), VERDICTS)])
    assert ledger.count_open_jobs("edit") == 0


def test_a_heartbeat_keeps_the_job(ledger: Ledger, clock: Clock) -> None:
    ledger.add_turn(make_turn("t1"), True)
    job = claimed(ledger)
    clock.now += 50
    ledger.heartbeat_job(job, 60.0)
    clock.now += 50
    assert ledger.claim_job("edit", "another", 60.0) is None


def test_finishing_twice_under_one_fence_changes_nothing(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1"), True)
    job = claimed(ledger)
    for _ in range(2):
        ledger.finish_edit_job(job, [(make_edit("e1", "t1"), VERDICTS)])
    assert len(ledger.edits("t1")) == 1
    assert ledger.claim_job("edit", "editor", 60.0) is None


def test_an_edit_written_before_is_left_as_it_is(ledger: Ledger, clock: Clock) -> None:
    ledger.add_turn(make_turn("t1"), True)
    ledger.finish_edit_job(claimed(ledger), [(make_edit("e1", "t1"), VERDICTS)])
    ledger.set_edit_state("e1", EditState.BLOCKED, "by a person")
    ledger.add_turn(make_turn("t2"), True)
    ledger.finish_edit_job(claimed(ledger), [(make_edit("e1", "t1"), VERDICTS)])
    assert ledger.edit("e1").state is EditState.BLOCKED


def test_a_failed_job_waits_and_is_given_up_with_its_reason(ledger: Ledger, clock: Clock) -> None:
    ledger.add_turn(make_turn("t1"), True)
    for attempt in range(MAX_FAILURES):
        ledger.fail_job(claimed(ledger), f"engine down {attempt}", 10.0)
        assert ledger.claim_job("edit", "editor", 60.0) is None, "not before its time"
        clock.now += 11
    assert ledger.claim_job("edit", "editor", 60.0) is None
    assert ledger.lineage("t1").state == f"not learned: the editor gave up: engine down {MAX_FAILURES - 1}"


def test_a_job_that_keeps_killing_its_worker_is_given_up(ledger: Ledger, clock: Clock) -> None:
    ledger.add_turn(make_turn("t1"), True)
    for _ in range(MAX_CLAIMS):
        claimed(ledger)
        clock.now += 61
    assert ledger.claim_job("edit", "editor", 60.0) is None
    assert "died 20 times" in ledger.lineage("t1").state


def test_a_released_job_is_due_at_once_and_costs_no_attempt(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1"), True)
    ledger.release_job(claimed(ledger))
    assert claimed(ledger).attempts == 1


def test_the_same_work_is_queued_once(ledger: Ledger) -> None:
    assert ledger.add_job("sweep", {"a": 1, "b": 2}) == ledger.add_job("sweep", {"b": 2, "a": 1})
    assert ledger.claim_job("sweep", "me", 60.0) is not None
    assert ledger.claim_job("sweep", "me", 60.0) is None


def test_a_job_given_back_with_a_reason_waits_as_long_again_as_it_has_waited(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.add_turn(make_turn("t1"), True)
    waits = []
    for _ in range(5):
        began = clock.now
        ledger.release_job(claimed(ledger), "it cannot be judged")
        while (job := ledger.claim_job("edit", "editor", 60.0)) is None:
            clock.now += 60
        waits.append(clock.now - began)
        ledger.release_job(job)
    assert waits == [60, 60, 120, 240, 480]
