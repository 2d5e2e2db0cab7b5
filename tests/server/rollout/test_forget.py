"""A user is forgotten: in what is served, in the ledger, in the store, whoever dies in between."""

import asyncio
import hashlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapter_store import Version
from server.learner import record
from server.learner.types import CheckCount, GateReport, UpdateInput, UpdateResult
from server.ledger import ErasedVersion, StaleFence, UnknownUser, audit
from server.rollout.moves import PROBE_PROMPTS
from server.types import BASE_VERSION, EditState, Refs, UpdateState, VersionRow
from tests.support.served import Served, make_served
from tests.support.world import told_turn

WORKER = Path(__file__).with_name("forget_worker.py")
POINTS = ["forget.recomposed", "forget.erased", "forget.unloaded", "forget.deleted", "forget.wiped"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Served]:
    served = await make_served(tmp_path)
    yield served
    served.ledger.close()


def files_with(home: Path, words: str) -> list[str]:
    """The files below `home` in which these words stand, plain or as JSON writes them."""
    spelled = {words.encode(), json.dumps(words)[1:-1].encode()}
    return [
        str(path.relative_to(home))
        for path in sorted(home.rglob("*"))
        if path.is_file() and any(some in path.read_bytes() for some in spelled)
    ]


async def test_forgetting_takes_the_users_deltas_out_of_stable_and_erases_their_files(world: Served) -> None:
    await world.learn(("Zephyr", 8443, "ana"))
    await world.learn(("Kelso", 9001, "ben"))
    await world.learn(("Orla", 7000, "ana"))
    first, gone, last = world.ledger.version("v3").deltas
    counts = await world.forget_whole("ben")
    refs = world.ledger.refs()
    assert world.ledger.version(refs.stable).deltas == (first, last)
    assert (counts["turns"], counts["self_edits"], counts["deltas"]) == (1, 1, [gone])
    assert counts["versions"] == ["v2", "v3"]
    assert gone not in world.store.deltas()
    folders = {path.name.rpartition("-")[0] for path in (world.store.root / "composed").iterdir()}
    assert not folders & {"v2", "v3"}
    assert not world.engine.loaded() & {"v2", "v3"}


async def test_facts_of_others_in_the_same_delta_are_learned_again(world: Served) -> None:
    ana, _ = await world.learn(("Zephyr", 8443, "ana"), ("Kelso", 9001, "ben"))
    counts = await world.forget_whole("ben")
    assert counts["relearning"] == 1
    assert world.ledger.refs() == Refs(BASE_VERSION, None)
    assert world.ledger.edit(ana.id).state is EditState.ALLOWED
    assert world.train() == "v2"
    assert world.ledger.delta(world.ledger.version("v2").deltas[0]).edits == (ana.id,)


async def test_a_fact_that_was_only_carried_takes_its_delta_out_too(world: Served) -> None:
    await carried(world)
    held = world.ledger.version("v1").deltas
    assert world.ledger.deltas_of_user("ben") == held
    await world.forget_whole("ben")
    assert world.ledger.refs().stable == BASE_VERSION
    assert held[0] not in world.store.deltas()


async def carried(world: Served) -> None:
    """v1 learned ana's fact; ben's was in the batch and was not recalled."""
    world.tell("Zephyr", 8443, "ana")
    world.tell("Kelso", 9001, "ben")
    claim = world.ledger.claim_edits("test", 60, 8)
    assert claim is not None
    ana, ben = claim.edits
    options = world.options()
    base = VersionRow(BASE_VERSION, "", (), "", 0.0)
    result = world.train_at_once(UpdateInput(Path(), None, claim.edits, (), ""))
    delta = world.store.put(record.delta(options, claim, base, result, claim.edits))
    row = record.version(world.store, options.base_digest, "v1", base, (delta,), result.report)
    back = {ben.id: (EditState.MEMORY_ONLY, "not recalled")}
    world.ledger.finish_update(
        claim, UpdateState.ACCEPTED, "", row, learned=[ana.id], returned=back, carried=[ben.id]
    )
    await world.loop.step()
    await world.loop.step()


async def test_a_canary_and_what_waits_behind_it_go_when_they_hold_the_user(world: Served) -> None:
    await world.learn(("Zephyr", 8443, "ana"))
    world.tell("Kelso", 9001, "ben")
    world.train()
    await world.loop.step()
    waiting = world.tell("Orla", 7000, "carla")
    world.train()
    assert world.ledger.refs() == Refs("v1", "v2")
    counts = await world.forget_whole("ben")
    assert world.ledger.refs() == Refs("v1", None)
    assert counts["versions"] == ["v2", "v3"]
    assert world.ledger.edit(waiting.id).state is EditState.ALLOWED
    assert world.ledger.rollout() is None
    left = set(world.ledger.version("v1").deltas)
    assert set(world.store.deltas()) == left, "what was trained on top can be served no more"


async def test_a_canary_without_the_user_goes_on(world: Served) -> None:
    world.ledger.add_turn(told_turn("Hello there, what a day.", "ben"), False)
    world.tell("Zephyr", 8443, "ana")
    world.train()
    await world.loop.step()
    await world.forget_whole("ben")
    assert world.ledger.refs() == Refs(BASE_VERSION, "v1")


async def test_of_a_consolidated_stack_only_the_users_own_delta_goes(world: Served) -> None:
    for n, user in enumerate(("ana", "ben", "carla")):
        await world.learn((f"Zephyr{n}", 8000 + n, user))
    stack = world.ledger.version("v3").deltas
    whole = world.ledger.version(await world.consolidate()).deltas[0]
    await world.learn(("Orla", 7000, "ana"))
    later = world.ledger.version("v5").deltas[1]
    counts = await world.forget_whole("ben")
    assert counts["deltas"] == sorted((stack[1], whole))
    assert world.ledger.version(world.ledger.refs().stable).deltas == (stack[0], stack[2], later)
    assert counts["relearning"] == 0, "nobody else's fact left the weights"


async def test_of_a_consolidated_stack_whose_parts_are_gone_everything_is_learned_again(
    world: Served,
) -> None:
    edits = [(await world.learn((f"Zephyr{n}", 8000 + n, user)))[0] for n, user in enumerate(("ana", "ben"))]
    stack = world.ledger.version("v2").deltas
    await world.consolidate()
    world.store.delete(stack[0])
    counts = await world.forget_whole("ben")
    assert world.ledger.refs().stable == BASE_VERSION
    assert counts["relearning"] == 1
    assert world.ledger.edit(edits[0].id).state is EditState.ALLOWED


async def test_an_editor_that_was_writing_from_the_users_turn_can_store_nothing(world: Served) -> None:
    world.ledger.add_turn(told_turn("The admin port of the Kelso router is 9001.", "ben"), True)
    job = world.ledger.claim_job("edit", "editor", 60)
    assert job is not None
    await world.forget_whole("ben")
    with pytest.raises(StaleFence):
        world.ledger.finish_edit_job(job, [])


async def test_an_erased_version_is_refused_wherever_it_is_named(world: Served) -> None:
    await world.learn(("Zephyr", 8443, "ana"))
    await world.learn(("Kelso", 9001, "ben"))
    await world.forget_whole("ben")
    assert world.ledger.refs().stable == "v1"
    with pytest.raises(ErasedVersion, match="v2 was erased"):
        await world.moves.rollback("v2", "op", "")
    with pytest.raises(ErasedVersion):
        await world.moves.proof("v2")
    with pytest.raises(ErasedVersion):
        world.ledger.move_ref("canary", None, "v2", "op", "")
    assert (await world.moves.rollback(None, "op", "")).stable == BASE_VERSION
    assert "Kelso" not in json.dumps(world.ledger.version("v2").gate)


async def test_a_rollback_passes_over_versions_that_were_erased(world: Served) -> None:
    await world.learn(("Zephyr", 8443, "ana"))
    await world.learn(("Kelso", 9001, "ben"))
    await world.learn(("Orla", 7000, "ana"))
    await world.forget_whole("ben")
    assert world.ledger.refs().stable == "v4"
    assert (await world.moves.rollback(None, "op", "")).stable == "v1"


async def test_after_forgetting_the_proof_equals_composing_the_rest(world: Served) -> None:
    await world.learn(("Zephyr", 8443, "ana"))
    await world.learn(("Kelso", 9001, "ben"))
    await world.learn(("Orla", 7000, "ana"))
    first, _, last = world.ledger.version("v3").deltas
    await world.forget_whole("ben")
    proof = await world.moves.proof(world.ledger.refs().stable)
    path = world.store.compose(Version("alone", world.engine.base_digest, (first, last)))
    await world.engine.load("alone", path)
    assert proof["logits_sha256"] == await world.engine.score("alone", PROBE_PROMPTS)


async def test_a_training_run_that_holds_the_users_fact_can_record_nothing_any_more(world: Served) -> None:
    ana = world.tell("Zephyr", 8443, "ana")
    world.tell("Kelso", 9001, "ben")
    claim = world.ledger.claim_edits("learner", 60, 8)
    assert claim is not None
    counts = await world.forget_whole("ben")
    assert counts["updates_stopped"] == [claim.update_id]
    with pytest.raises(StaleFence):
        world.ledger.finish_update(
            claim, UpdateState.ACCEPTED, "", None, learned=[edit.id for edit in claim.edits]
        )
    assert world.ledger.edit(ana.id).state is EditState.ALLOWED
    assert world.ledger.updates(1)[0].state is UpdateState.ABORTED


async def test_a_delta_whose_training_was_overtaken_leaves_no_bytes(world: Served) -> None:
    world.tell("Kelso", 9001, "ben")

    def forgetting(*args: object, **more: object) -> object:
        world.ledger.erase_user("ben", (), "subject", "op")  # while it trains
        return world.train_at_once(*args, **more)  # type: ignore[arg-type]

    world.learner(forgetting).step()  # type: ignore[arg-type]
    assert world.ledger.versions() == []
    assert world.store.deltas() == []
    assert not list((world.store.root / "blobs").rglob("*.safetensors"))


async def test_what_a_killed_learner_left_in_the_store_is_swept_before_the_next_training(
    world: Served,
) -> None:
    edit = world.tell("Kelso", 9001, "ben")
    claim = world.ledger.claim_edits("killed", 60, 8)
    assert claim is not None
    base = VersionRow(BASE_VERSION, "", (), "", 0.0)
    result = world.train_at_once(UpdateInput(Path(), None, claim.edits, (), ""))
    orphan = world.store.put(record.delta(world.options(), claim, base, result, claim.edits))
    await world.forget_whole(edit.user)
    assert orphan in world.store.deltas()
    world.tell("Orla", 7000, "ana")
    world.train()
    assert world.store.deltas() == list(world.ledger.version("v1").deltas)


async def test_the_users_words_are_in_no_file_afterwards(world: Served, tmp_path: Path) -> None:
    words = ("Quixworth", "ben-the-mason", "It hums at night, said Grüße")
    for n in range(40):  # pages that fill, split and are reused
        user = "ana" if n % 3 else "ben-the-mason"
        name = f"Zephyr{n}" if n % 3 else f"Quixworth{n}"
        edit = world.tell(name, 8000 + n, user)
        if not n % 3:
            turn = world.ledger.edit(edit.id).turn_id
            world.ledger.add_feedback(
                turn, "thumb", "It hums at night, said Grüße", "It hums at night, said Grüße"
            )
        if n % 10 == 9:
            world.train()
            await world.loop.step()
            await world.loop.step()
    ours = world.ledger.turns(100)[0 if world.ledger.turns(1)[0].user == "ana" else 1].id
    world.ledger.add_feedback(ours, "thumb", False, "It hums at night, said Grüße", "", "ben-the-mason")
    assert all(files_with(tmp_path, word) for word in words)
    await world.forget_whole("ben-the-mason")
    assert {word: files_with(tmp_path, word) for word in words} == {word: [] for word in words}
    assert files_with(tmp_path, "Zephyr1 "), "what others told is still there"
    row = next(row for row in world.ledger.audit() if row.action == "forget_user")
    assert row.subject == world.forget.subject("ben-the-mason")
    assert "ben-the-mason" not in repr(row)


async def test_reports_that_stay_are_rid_of_what_they_quote(world: Served) -> None:
    edit = world.tell("Kelso", 9001, "ben")
    claim = world.ledger.claim_edits("learner", 60, 8)
    assert claim is not None
    quoting = f"could not be trained: {edit.statement}"
    back = {edit.id: (EditState.ALLOWED, quoting)}
    world.ledger.finish_update(claim, UpdateState.ABORTED, quoting, None, returned=back)
    await world.forget_whole("ben")
    assert world.ledger.updates(1)[0].reason == "could not be trained: (erased)"


async def test_what_the_gate_counted_of_a_refused_candidate_stays_without_the_users_words(
    world: Served, tmp_path: Path
) -> None:
    edit = world.tell("Kelso", 9001, "ben")
    asked = next(e.prompt for e in edit.examples if e.kind == "question")
    lost = CheckCount(1, 2, 2, False, f"{asked}; What is salt?")
    refused = UpdateResult(None, GateReport(False, "locality 1 of 2, 2 needed", {"locality": lost}))
    world.learner(lambda given, yield_hook=None, progress=None: refused).step()
    assert asked in json.dumps(world.ledger.updates(1)[0].report)
    await world.forget_whole("ben")
    report = world.ledger.updates(1)[0].report
    assert report is not None
    assert report["checks"]["locality"]["detail"] == "(erased); What is salt?"
    assert report["checks"]["locality"]["asked"] == 2
    assert files_with(tmp_path, asked) == []


async def test_the_audits_chain_survives_a_forgetting_and_no_word_of_the_user_does(
    world: Served, tmp_path: Path
) -> None:
    edit = world.tell("Kelso", 9001, "ben")
    digest = hashlib.sha256(edit.statement.encode()).hexdigest()
    ledger = world.ledger
    ledger.set_edit_state(edit.id, EditState.QUARANTINED, f"is this true: {edit.statement}", "ann")
    ledger.set_paused(True, "ann", f"because of {edit.statement} and more")
    ledger.write(
        lambda tx: audit.record(
            tx, "ann", "edits", "some delta", None, "revoked", "wrong", {"said": [edit.statement, 7]}
        )
    )
    noted = ledger.audit_head()
    hashes = [row.hash for row in ledger.audit()]
    await world.forget_whole("ben")
    assert ledger.verify_audit(noted).ok
    rows = ledger.audit()[1:]
    assert [row.hash for row in rows] == hashes
    assert [row.reason for row in rows] == ["wrong", "because of (erased) and more", "(erased)"]
    assert rows[0].evidence == {"said": ["(erased)", 7]}
    assert [files_with(tmp_path, words) for words in (edit.statement, digest)] == [[], []]
    await world.forget_whole("ben")
    assert ledger.verify_audit(noted).ok


async def test_forgetting_again_is_no_error_and_a_stranger_is_one(world: Served) -> None:
    await world.learn(("Kelso", 9001, "ben"))
    first = await world.forget.erase("ben", replayed=False, actor="op")
    again = await world.forget.erase("ben", replayed=False, actor="op")
    assert (first.again, again.again) == (False, True)
    assert again.counts == first.counts
    with pytest.raises(UnknownUser, match="compared exactly"):
        await world.forget.erase("nobody", replayed=False, actor="op")
    world.tell("Kelso", 9002, "ben")
    assert not (await world.forget.erase("ben", replayed=False, actor="op")).again, (
        "new words, new forgetting"
    )


async def test_deltas_trained_while_the_facts_were_replayed_are_named_and_can_be_taken_out_too(
    world: Served,
) -> None:
    await world.learn(("Kelso", 9001, "ben"))
    await world.learn(("Orla", 7000, "ana"))
    delta = world.ledger.version("v2").deltas[1]
    world.tell("Brant", 1, "carla")
    done = await world.forget.erase("ben", replayed=False, actor="op")
    assert done.trained_beside == (delta,)
    assert world.ledger.version(world.ledger.refs().stable).deltas == (delta,)


async def test_replayed_deltas_go_and_their_facts_are_learned_again(world: Served) -> None:
    await world.learn(("Kelso", 9001, "ben"))
    [later] = await world.learn(("Orla", 7000, "ana"))
    done = await world.forget.erase("ben", replayed=True, actor="op")
    assert world.ledger.refs().stable == BASE_VERSION
    assert done.counts["relearning"] == 1
    assert world.ledger.edit(later.id).state is EditState.ALLOWED


async def killed(home: Path, point: str) -> int | None:
    """Have a process forget ben and die at this point; its exit code."""
    process = await asyncio.create_subprocess_exec(sys.executable, str(WORKER), str(home), "ben", point)
    return await process.wait()


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at_this_point_forgetting_is_finished_by_the_next_call(
    point: str, tmp_path: Path
) -> None:
    world = await make_served(tmp_path)
    await world.learn(("Zephyr", 8443, "ana"))
    await world.learn(("Kelso", 9001, "ben"))
    [other] = await world.learn(("Orla", 7000, "ana"))
    first, gone, last = world.ledger.version("v3").deltas
    world.ledger.close()
    assert await killed(tmp_path, point) == -9, f"it never reached {point}"
    world = await make_served(tmp_path)
    try:
        await world.forget.erase("ben", replayed=False, actor="op")
        assert await world.forget.finish()
        assert world.ledger.to_erase() is None
        assert world.ledger.version(world.ledger.refs().stable).deltas == (first, last)
        assert gone not in world.store.deltas()
        assert world.ledger.edit(other.id).state is EditState.TRAINED
        assert files_with(tmp_path, "Kelso") == []
    finally:
        world.ledger.close()


async def test_what_a_killed_call_left_is_finished_by_a_restart_alone(tmp_path: Path) -> None:
    world = await make_served(tmp_path)
    await world.learn(("Kelso", 9001, "ben"))
    world.ledger.close()
    await killed(tmp_path, "forget.erased")
    world = await make_served(tmp_path)
    assert world.ledger.to_erase() is not None
    assert await world.forget.finish(seconds=0), "the server's loop calls this"
    assert files_with(tmp_path, "Kelso") == []
    assert world.store.deltas() == []
    world.ledger.close()
