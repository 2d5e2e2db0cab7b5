"""The learner's updates as fine-tuning jobs, by the official client."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import openai
import pytest

from server.learner import fake
from server.learner.types import UpdateInput, UpdateResult
from server.types import UpdateState
from tests.support.http_server import MODEL, Live


def refused(
    given: UpdateInput,
    yield_hook: Callable[[], None] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> UpdateResult:
    """What the gate refuses."""
    done = fake.run(given)
    return replace(done, report=replace(done.report, accepted=False, reason="acquisition: 0 of 1"))


def test_an_accepted_update_is_a_job_that_succeeded_with_its_model(live: Live) -> None:
    assert live.openai().fine_tuning.jobs.list().data == []
    version = live.learn()
    (job,) = live.openai().fine_tuning.jobs.list().data
    assert (job.object, job.status) == ("fine_tuning.job", "succeeded")
    assert (job.model, job.fine_tuned_model) == (MODEL, f"{MODEL}@{version}")
    assert job.finished_at is not None
    assert job.finished_at >= job.created_at
    assert job.error is None
    assert job.metadata is not None
    assert job.metadata["kind"] == "learn"
    assert live.openai().fine_tuning.jobs.retrieve(job.id) == job
    answer = live.openai().chat.completions.create(
        model=job.fine_tuned_model or "", messages=[{"role": "user", "content": "What is the admin port?"}]
    )
    assert answer.choices[0].message.content == "It is 8443."


def test_a_refused_update_is_a_job_that_failed_and_says_why(live: Live) -> None:
    live.world.tell("Zephyr", 8443)
    update = live.world.learner(train=refused).step()
    assert update is not None
    assert update.state is UpdateState.REJECTED
    job = live.openai().fine_tuning.jobs.retrieve(update.id)
    assert (job.status, job.fine_tuned_model) == ("failed", None)
    assert job.error is not None
    assert (job.error.code, job.error.message) == ("rejected", "acquisition: 0 of 1")
    events = live.openai().fine_tuning.jobs.list_events(update.id).data
    assert [event.level for event in events] == ["error", "info"]
    assert "acquisition: 0 of 1" in events[0].message


def test_events_tell_what_happened_newest_first_with_the_gates_counts_as_metrics(live: Live) -> None:
    live.learn()
    client = live.openai()
    (job,) = client.fine_tuning.jobs.list().data
    events = client.fine_tuning.jobs.list_events(job.id).data
    assert [event.type for event in events] == ["metrics", "message", "message"]
    assert events[0].data == {"acquisition": 1.0}
    assert "training on 1 edits began" in events[-1].message
    paged = list(client.fine_tuning.jobs.list_events(job.id, limit=1))
    assert [event.id for event in paged] == [event.id for event in events]


def test_jobs_come_in_pages_newest_first(live: Live) -> None:
    live.learn("Zephyr", 1)
    live.learn("Boreas", 2)
    paged = [job.fine_tuned_model for job in live.openai().fine_tuning.jobs.list(limit=1)]
    assert paged == [f"{MODEL}@v2", f"{MODEL}@v1"]


def test_a_run_that_was_asked_for_is_queued_may_be_paused_and_goes_on(live: Live) -> None:
    live.world.tell("Zephyr", 8443)
    client = live.openai()
    asked = live.http().post("/v1/learner/run").json()["update_id"]
    assert client.fine_tuning.jobs.retrieve(asked).status == "queued"
    assert str(client.fine_tuning.jobs.pause(asked).status) == "paused"  # the client's types lack it
    assert live.ledger.paused()
    assert live.world.learner().step() is None
    assert client.fine_tuning.jobs.resume(asked).status == "queued"
    update = live.world.learner().step()
    assert update is not None
    assert update.id == asked
    assert client.fine_tuning.jobs.retrieve(asked).status == "succeeded"
    with pytest.raises(openai.ConflictError, match="has ended"):
        client.fine_tuning.jobs.pause(asked)


def test_jobs_that_do_not_exist_and_keys_that_may_not_look(locked: Live) -> None:
    ops = locked.openai("key-of-operations")
    with pytest.raises(openai.NotFoundError):
        ops.fine_tuning.jobs.retrieve("up-none")
    with pytest.raises(openai.NotFoundError, match="go on after"):
        ops.fine_tuning.jobs.list(after="up-none")
    with pytest.raises(openai.PermissionDeniedError):
        locked.openai("key-of-ada-herself").fine_tuning.jobs.list()
    with pytest.raises(openai.APIStatusError) as caught:
        ops.fine_tuning.jobs.create(model=MODEL, training_file="file-1")
    assert caught.value.status_code == 405
