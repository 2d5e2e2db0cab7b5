"""The durable side of learning: claims, retries, refusals, and what is written when."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.learner import fake
from server.learner.errors import DoesNotFit
from server.learner.inputs import Inputs
from server.learner.process import Learner
from server.learner.profiles import SMALL, calmer
from server.learner.types import CheckCount, GateReport, Population, UpdateInput, UpdateResult
from server.types import EditState, UpdateState
from tests.support.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    yield made
    made.ledger.close()


def refusing(reason: str) -> Callable[..., UpdateResult]:
    report = GateReport(False, reason, {"locality": CheckCount(20, 40, 38, False)})
    return lambda given, yield_hook=None, progress=None: UpdateResult(None, report)


def learning_only(*positions: int) -> Callable[..., UpdateResult]:
    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        result = fake.run(given)
        learned = tuple(given.edits[n].id for n in positions)
        return dataclasses.replace(result, report=dataclasses.replace(result.report, edits_learned=learned))

    return train


def test_allowed_edits_become_a_delta_a_version_and_trained_rows(world: World) -> None:
    edit = world.tell("Zephyr", 8443)
    update = world.learner().step()
    assert update is not None
    assert (update.state, update.version, update.edits) == (UpdateState.ACCEPTED, "v1", 1)
    version = world.ledger.version("v1")
    assert world.store.get(version.deltas[0]).manifest.provenance["edits"] == [edit.id]
    assert world.ledger.edit(edit.id).state is EditState.TRAINED
    assert world.learner().step() is None, "nothing is trained twice"


def test_the_next_update_is_trained_on_top_of_what_is_served(world: World) -> None:
    seen: list[UpdateInput] = []

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        seen.append(given)
        return fake.run(given)

    first = world.tell("Zephyr", 8443)
    world.learner(train).step()
    world.ledger.move_ref("stable", "v0", "v1", "test", "")
    world.tell("Kelso", 9001)
    world.learner(train).step()
    assert seen[0].parent_dir is None
    assert seen[1].parent_dir is not None
    assert (seen[1].parent_dir / "adapter_config.json").exists()
    assert [edit.id for edit in seen[1].past] == [first.id]
    assert world.ledger.version("v2").deltas[:1] == world.ledger.version("v1").deltas


def test_the_next_update_follows_an_accepted_version_that_is_still_to_be_shown(world: World) -> None:
    world.tell("Zephyr", 8443)
    world.learner().step()
    world.tell("Kelso", 9001)
    world.learner().step()
    assert world.ledger.version("v2").parent == "v1"
    assert world.ledger.version("v2").deltas[:1] == world.ledger.version("v1").deltas


@pytest.mark.parametrize(
    "state", [EditState.QUARANTINED, EditState.BLOCKED, EditState.MEMORY_ONLY, EditState.REVOKED]
)
def test_only_allowed_edits_are_ever_trained(world: World, state: EditState) -> None:
    world.tell("Zephyr", 8443, state=state)
    assert world.learner().step() is None
    assert world.ledger.versions() == []


def test_a_refused_update_is_tried_once_more_and_then_stays_in_memory_with_the_reason(world: World) -> None:
    edit = world.tell("Zephyr", 8443)
    learner = world.learner(refusing("locality: 20 of 40"))
    first = learner.step()
    assert first is not None
    assert first.state is UpdateState.REJECTED
    assert world.ledger.edit(edit.id).state is EditState.ALLOWED
    learner.step()
    kept = world.ledger.edit(edit.id)
    assert kept.state is EditState.MEMORY_ONLY
    assert "locality: 20 of 40" in kept.reason
    assert learner.step() is None
    assert world.ledger.versions() == []


def test_a_refused_update_keeps_what_the_gate_counted_and_an_accepted_one_leaves_it_to_its_version(
    world: World,
) -> None:
    world.tell("Zephyr", 8443)
    refused = world.learner(refusing("locality: 20 of 40")).step()
    accepted = world.learner().step()
    assert refused is not None
    assert accepted is not None
    assert refused.report is not None
    assert refused.report["checks"]["locality"] == dataclasses.asdict(CheckCount(20, 40, 38, False))
    assert accepted.report is None
    assert world.ledger.version("v1").gate["accepted"]


def test_what_is_held_back_goes_where_the_update_says_without_a_try_and_the_measurements_are_kept(
    world: World,
) -> None:
    trained, odd, late = (world.tell(name, 8443 + n) for n, name in enumerate(("Zephyr", "Kelso", "Brast")))
    held = {
        odd.id: (EditState.QUARANTINED, "far stranger than those before"),
        late.id: (EditState.ALLOWED, "waits for the next update"),
    }
    seen: list[UpdateInput] = []

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        seen.append(given)
        measured = Population((2.5,) * len(given.edits), (0.7,))
        return dataclasses.replace(
            fake.run(given), held_back=held if len(seen) == 1 else {}, measured=measured
        )

    learner = world.learner(train)
    learner.step()
    assert world.ledger.edit(trained.id).state is EditState.TRAINED
    assert world.ledger.edit(odd.id).state is EditState.QUARANTINED
    assert world.ledger.edit(odd.id).reason == "far stranger than those before"
    waits = world.ledger.edit(late.id)
    assert (waits.state, waits.attempts) == (EditState.ALLOWED, 0)
    learner.step()
    assert world.ledger.edit(late.id).state is EditState.TRAINED
    assert [given.population for given in seen] == [Population(), Population((2.5,) * 3, (0.7,))]


def test_every_update_draws_its_questions_anew_and_the_same_facts_draw_the_same(world: World) -> None:
    zephyr, kelso = world.tell("Zephyr", 8443), world.tell("Kelso", 9001)
    inputs = Inputs(world.ledger, world.store, world.options())
    head = inputs.head()
    one, other, both, again = (
        inputs.on(head, edits, ()).seed for edits in ([zephyr], [kelso], [kelso, zephyr], [zephyr])
    )
    assert len({one, other, both}) == 3
    assert again == one
    assert inputs.on(head, [zephyr, kelso], ()).seed == both


def test_the_second_try_uses_another_seed_and_calmer_settings(world: World) -> None:
    seeds: list[int] = []
    attempts: list[int] = []

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        seeds.append(given.seed)
        attempts.append(given.attempt)
        return refusing("no")(given)

    world.tell("Zephyr", 8443)
    learner = world.learner(train)
    learner.step()
    learner.step()
    assert len(set(seeds)) == 2
    assert attempts == [0, 1]
    second = calmer(SMALL, attempts[1])
    assert (second.learning_rate, second.kl_weight) == (SMALL.learning_rate / 2, SMALL.kl_weight * 2)


def test_a_fact_that_was_trained_but_not_recalled_is_returned_and_still_found_in_the_delta(
    world: World,
) -> None:
    edits = [world.tell("Zephyr", 8443), world.tell("Kelso", 9001)]
    world.learner(learning_only(0)).step()
    assert world.ledger.edit(edits[0].id).state is EditState.TRAINED
    assert world.ledger.edit(edits[1].id).state is EditState.ALLOWED
    delta = world.ledger.version("v1").deltas[0]
    assert set(world.ledger.delta(delta).edits) == {edit.id for edit in edits}


def test_a_fact_that_did_no_harm_and_was_not_recalled_is_tried_again_at_the_full_rate(world: World) -> None:
    tries: list[tuple[int, int]] = []

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        tries.append((given.attempt, given.seed))
        return learning_only(0)(given)

    world.tell("Zephyr", 8443)
    late = world.tell("Kelso", 9001)
    learner = world.learner(train)
    learner.step()
    assert world.ledger.edit(late.id).reason == "not learned yet: waits for one more try"
    learner.step()
    assert world.ledger.edit(late.id).state is EditState.TRAINED
    assert [attempt for attempt, _ in tries] == [0, 0]
    assert tries[0][1] != tries[1][1], "another seed: the same would give the same again"


def test_a_crashing_trainer_loses_no_edit_and_says_what_happened(world: World) -> None:
    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        raise RuntimeError("out of memory at step 3")

    edit = world.tell("Zephyr", 8443)
    update = world.learner(train).step()
    assert update is not None
    assert update.state is UpdateState.ABORTED
    assert "out of memory at step 3" in update.reason
    assert world.ledger.edit(edit.id).state is EditState.ALLOWED


def test_a_learner_that_lost_its_lease_records_nothing(world: World) -> None:
    edit = world.tell("Zephyr", 8443)

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        world.ledger.release_owner(learner.owner)  # as if the lease had run out while training
        return fake.run(given)

    learner = world.learner(train)
    learner.step()
    assert world.ledger.versions() == []
    assert world.ledger.edit(edit.id).state is EditState.ALLOWED


def test_an_update_waits_for_self_edits_that_are_still_being_written(world: World) -> None:
    world.tell("Zephyr", 8443)
    world.ledger.add_job("edit", {"turn_id": "another"})
    assert world.learner(patience=60).step() is None
    assert world.learner().step() is not None


def test_a_paused_learner_takes_nothing(world: World) -> None:
    world.tell("Zephyr", 8443)
    world.ledger.set_paused(True)
    assert world.learner().step() is None
    world.ledger.set_paused(False)
    assert world.learner().step() is not None


def test_a_run_that_was_asked_for_without_facts_is_recorded_as_nothing_to_do(world: World) -> None:
    asked = world.ledger.request_run()
    update = world.learner().step()
    assert update is not None
    assert (update.id, update.state) == (asked, UpdateState.NOTHING_TO_DO)


def test_a_damaged_parent_blob_aborts_the_update_and_names_the_file(world: World) -> None:
    world.tell("Zephyr", 8443)
    world.learner().step()
    world.ledger.move_ref("stable", "v0", "v1", "test", "")
    for blob in (world.store.root / "blobs").rglob("*"):
        if blob.is_file():
            blob.chmod(0o600)
            blob.write_bytes(blob.read_bytes()[:-7])
    world.tell("Kelso", 9001)
    update = world.learner().step()
    assert update is not None
    assert update.state is UpdateState.ABORTED
    assert "blobs" in update.reason


def test_an_update_that_does_not_fit_holds_learning_and_costs_its_facts_no_attempt(world: World) -> None:
    runs: list[int] = []

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        runs.append(1)
        raise DoesNotFit("the update needs 900 MB")

    edit = world.tell("Zephyr", 8443)
    learner = world.learner(train)
    update = learner.step()
    assert update is not None
    assert (update.state, update.reason) == (UpdateState.ABORTED, "DoesNotFit: the update needs 900 MB")
    kept = world.ledger.edit(edit.id)
    assert (kept.state, kept.attempts) == (EditState.ALLOWED, 0)
    assert world.ledger.learner_status()["state"] == "held"
    assert "900 MB" in world.ledger.learner_status()["reason"]
    assert learner.step() is None, "held"
    world.ledger.request_run()
    assert learner.step() is not None, "an operator may try again at once"
    assert len(runs) == 2


def test_a_delta_of_another_base_under_the_parent_holds_learning_and_writes_no_version(world: World) -> None:
    world.tell("Zephyr", 8443)
    world.learner().step()
    edit = world.tell("Kelso", 9001)
    options = dataclasses.replace(world.options(), base_digest="another tokenizer")
    update = Learner(world.ledger, world.store, options, fake.run).step()
    assert update is not None
    assert update.state is UpdateState.ABORTED
    assert "Serve the base that it was trained on" in update.reason
    assert world.ledger.edit(edit.id).attempts == 0
    assert [version.name for version in world.ledger.versions()] == ["v1"]


def test_a_contradicted_operators_fact_stays_and_the_other_users_fact_goes_to_review(world: World) -> None:
    seen: list[UpdateInput] = []

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        seen.append(given)
        return fake.run(given)

    first = world.tell("Zephyr", 8443)
    world.learner(train).step()
    second = world.tell("Zephyr", 9001, user="ben")
    update = world.learner(train).step()
    assert update is not None
    assert update.state is UpdateState.REJECTED
    assert "contradicts" in update.reason
    assert world.ledger.edit(second.id).state is EditState.QUARANTINED
    assert len(seen) == 1
    world.ledger.set_edit_state(second.id, EditState.ALLOWED, "approved", "an operator")
    world.learner(train).step()
    assert world.ledger.edit(second.id).state is EditState.TRAINED
    assert first.id not in [edit.id for edit in seen[1].past]


def test_edits_too_long_for_the_model_leave_the_batch_and_the_others_are_learned(world: World) -> None:
    edits = [world.tell("Zephyr", 8443), world.tell("Kelso", 9001)]

    def train(given: UpdateInput, yield_hook: object = None, progress: object = None) -> UpdateResult:
        kept = dataclasses.replace(given, edits=given.edits[1:])
        return dataclasses.replace(fake.run(kept), refused={given.edits[0].id: "it has 9000 tokens"})

    world.learner(train).step()
    long, short = (world.ledger.edit(edit.id) for edit in edits)
    assert (long.state, long.reason) == (EditState.MEMORY_ONLY, "it has 9000 tokens")
    assert short.state is EditState.TRAINED
