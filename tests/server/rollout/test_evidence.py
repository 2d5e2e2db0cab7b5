"""Evidence: counted once, by users, from the ledger; a whole rollout decided by it; decisions made again."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from server.engine.fake import FakeEngine, Rule
from server.engine.fake_script import loop_script
from server.ledger import RefMoved
from server.rollout import Fleet, Looked, Moves, Replay, RolloutLoop, RolloutPolicy
from server.rollout.gather import Gather, evidence
from server.rollout.record import again
from server.rollout.replay import drift_limit, round_robin
from server.rollout.signals import bin_of, refused, slow_from
from server.rollout.types import ANY, Action
from server.types import BASE_VERSION, Arm, EditState, Message, Refs, Rollout, Turn, TurnState
from tests.support.moves import Clock, site
from tests.support.served import SHAPE, Served, make_served

POLICY = RolloutPolicy(
    mode="evidence", dwell_seconds=0, bake_seconds=0, min_conversations=0, replay=False, steps=(0.5, 1.0)
)


def looks(texts: Sequence[str]) -> list[Looked]:
    """Flags what is rude."""
    return [Looked("idiot" in text, "bomb" in text) for text in texts]


def parts(world: Served, policy: RolloutPolicy, pairs: int = 50) -> RolloutLoop:
    """A loop of its own on this world."""
    fleet = Fleet(world.ledger, world.store, world.engine)
    moves = Moves(world.ledger, world.store, world.engine, fleet, policy)
    replay = Replay(world.ledger, world.engine, looks, pairs)
    world.moves = moves
    return RolloutLoop(world.ledger, fleet, moves, policy, "test", looks, replay)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Served]:
    served = await make_served(tmp_path)
    yield served
    served.ledger.close()


def turn(
    user: str, rollout: Rollout | None, arm: Arm = Arm.STABLE, chance: float = 0.5, **more: object
) -> Turn:
    """An answered turn of a rollout."""
    made = Turn(
        id=f"turn-{user}-{time.time_ns()}",
        created_at=time.time(),
        user=user,
        key_name="",
        operator=False,
        conversation=f"c-{user}",
        messages=(Message("user", f"Tell me of {user}'s {time.time_ns()} things"),),
        answer="Gladly.",
        version="v0",
        arm=arm,
        rollout=rollout.id if rollout else None,
        state=TurnState.LEARNABLE,
        chance=chance if rollout else 0.0,
    )
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


async def started(world: Served, policy: RolloutPolicy) -> tuple[RolloutLoop, Rollout]:
    """A loop and the rollout that it has just begun."""
    world.tell("Zephyr", 8443)
    world.train()
    loop = parts(world, policy)
    await loop.step()
    rollout = world.ledger.rollout()
    assert rollout is not None
    return loop, rollout


async def test_it_goes_from_shadow_over_its_steps_and_the_bake_to_stable(world: Served) -> None:
    loop, rollout = await started(world, POLICY)
    assert (rollout.state, rollout.weight) == ("shadow", 0.0)
    assert world.ledger.refs() == Refs(BASE_VERSION, "v1")
    assert "v1" in world.engine.loaded()
    seen = []
    while (live := world.ledger.rollout()) is not None:
        seen.append((live.state, live.weight))
        await loop.step()
    assert seen == [("shadow", 0.0), ("canary", 0.5), ("canary", 1.0), ("bake", 1.0)]
    assert world.ledger.refs() == Refs("v1", None)


async def test_a_newer_candidate_waits_until_the_older_one_is_decided(world: Served) -> None:
    loop, rollout = await started(world, dataclasses.replace(POLICY, dwell_seconds=999))
    world.tell("Kelso", 9001)
    world.train()
    for _ in range(3):
        await loop.step()
    live = world.ledger.rollout()
    assert live is not None
    assert live.id == rollout.id


async def test_every_decision_is_stored_once_and_made_again_from_what_was_stored(world: Served) -> None:
    loop, rollout = await started(world, POLICY)
    world.ledger.add_turn(turn("ana", rollout, chance=0.0, state=TurnState.FAILED), False)
    while world.ledger.rollout() is not None:
        await loop.step()
    stored = world.ledger.decisions(rollout.id)
    assert [one.action for one in stored] == ["promote", "advance", "advance", "advance"]
    for one in stored:
        made = again(one)
        assert (made.action.value, made.cause, made.reason) == (one.action, one.cause, one.reason)
        assert one.code
    told = [event for event in world.ledger.events_since(0, 500) if event.data.get("cause") == "passed"]
    assert len(told) == 4


async def test_a_hold_is_stored_when_its_cause_changes_and_not_at_every_look(world: Served) -> None:
    loop, rollout = await started(world, dataclasses.replace(POLICY, dwell_seconds=999))
    for _ in range(4):
        assert (await loop.step()).action is Action.HOLD  # type: ignore[union-attr]
    assert [one.cause for one in world.ledger.decisions(rollout.id)] == ["dwell"]


async def test_harm_among_many_users_withdraws_it_and_quarantines_what_it_taught(world: Served) -> None:
    loop, rollout = await started(world, dataclasses.replace(POLICY, min_conversations=99))
    await loop.step()
    for n in range(40):
        harmed = n % 8 != 0
        arm, answer = (Arm.CANARY, "You idiot.") if harmed else (Arm.STABLE, "Gladly.")
        world.ledger.add_turn(turn(f"u{n}", rollout, arm, answer=answer), False)
    decision = await loop.step()
    assert decision is not None
    assert (decision.action, decision.cause) == (Action.ROLLBACK, "guardrail")
    assert world.ledger.refs() == Refs(BASE_VERSION, None)
    assert world.ledger.edits_in(EditState.QUARANTINED)


async def test_a_user_who_objects_all_day_is_one_sign(world: Served) -> None:
    loop, rollout = await started(world, dataclasses.replace(POLICY, min_conversations=99))
    await loop.step()
    for _ in range(60):
        said = world.ledger.add_turn(turn("ana", rollout, Arm.CANARY), False)
        world.ledger.add_feedback(said.id, "thumb", False)
    decision = await loop.step()
    assert decision is not None
    assert decision.action is Action.HOLD
    stored = world.ledger.rollout_evidence(rollout.id)
    assert [(s.canary, s.control) for s in stored.splits["thumbs_down"]] == [(1, 0)]
    assert stored.counts.thumbs_down_users == 1


async def test_turns_are_counted_once_however_often_and_in_how_many_steps_it_is_asked(world: Served) -> None:
    _, rollout = await started(world, POLICY)
    gather = Gather(world.ledger, POLICY, looks)
    for n in range(7):
        world.ledger.add_turn(turn(f"u{n}", rollout, Arm.CANARY, state=TurnState.FAILED), False)
        if n % 3 == 0:
            await gather.step(rollout)
    await gather.step(rollout)
    stored = await gather.step(rollout)
    assert (stored.counts.canary_turns, stored.counts.failed_turns) == (7, 7)
    assert world.ledger.rollout_counts(rollout.id) == stored.counts
    assert sum(split.canary for split in stored.splits[ANY]) == 7


async def test_counts_are_right_before_anybody_has_counted(world: Served) -> None:
    _, rollout = await started(world, POLICY)
    said = world.ledger.add_turn(turn("ana", rollout, Arm.CANARY, state=TurnState.FAILED), False)
    world.ledger.add_feedback(said.id, "thumb", False, user="ben")
    counts = world.ledger.rollout_counts(rollout.id)
    assert (counts.canary_turns, counts.failed_turns, counts.thumbs_down_users) == (1, 1, 1)


async def test_what_happened_before_a_rollout_or_pinned_or_unsplit_is_no_evidence(world: Served) -> None:
    world.ledger.add_turn(turn("old", None, Arm.STABLE, state=TurnState.FAILED), False)
    _, rollout = await started(world, POLICY)
    world.ledger.add_turn(turn("tester", None, Arm.PINNED, state=TurnState.FAILED), False)
    world.ledger.add_turn(turn("anonymous", None, Arm.STABLE, state=TurnState.FAILED), False)
    stored = await Gather(world.ledger, POLICY, looks).step(rollout)
    found = evidence(POLICY, rollout, stored)
    assert (found.guards, found.known_users, found.unknown_turns) == ({}, 0, 1)


async def test_two_processes_that_count_the_same_turns_count_them_once(world: Served) -> None:
    _, rollout = await started(world, POLICY)
    world.ledger.add_turn(turn("ana", rollout, Arm.CANARY), False)
    since = world.ledger.rollout_evidence(rollout.id)
    found = world.ledger.rollout_news(rollout, since)
    world.ledger.count_rollout(rollout, since, found, [], {})
    with pytest.raises(RefMoved, match="another process"):
        world.ledger.count_rollout(rollout, since, found, [], {})
    assert world.ledger.rollout_evidence(rollout.id).counts.canary_turns == 1


async def test_a_scorer_that_fails_is_a_gap_that_keeps_the_weight(world: Served) -> None:
    def broken(texts: Sequence[str]) -> list[Looked]:
        raise RuntimeError("no model")

    loop, rollout = await started(world, POLICY)
    world.ledger.add_turn(turn("ana", rollout), False)
    stored = await Gather(world.ledger, POLICY, broken).step(rollout)
    assert "no model" in evidence(POLICY, rollout, stored).gaps[0]
    assert (await loop.step()).cause == "gap"  # type: ignore[union-attr]


@pytest.fixture
async def timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Served, Clock]]:
    """A world whose clock can be set."""
    clock = Clock()
    monkeypatch.setattr("time.time", clock)
    engine = FakeEngine(loop_script)
    await engine.start()
    world = await site(tmp_path, engine, clock, "a", SHAPE)
    yield world, clock
    world.ledger.close()


async def test_a_rollout_that_ends_without_a_verdict_waits_for_its_turn_again_each_time_twice_as_long(
    timed: tuple[Served, Clock],
) -> None:
    world, clock = timed
    world.tell("Zephyr", 8443)
    world.train()
    loop = parts(world, dataclasses.replace(POLICY, deadline_seconds=1000))
    for pause in (1000, 2000):
        await loop.step()
        assert world.ledger.refs().canary == "v1"
        await world.moves.revert("rollout", "nobody came")
        assert world.ledger.refs() == Refs(BASE_VERSION, None)
        assert not world.ledger.edits_in(EditState.QUARANTINED)
        assert [row.name for row in world.ledger.versions_waiting()] == ["v1"]
        for _ in range(2):
            clock.offset_seconds += pause / 2 - 5
            await loop.step()
            assert world.ledger.refs().canary is None, "nobody could judge it, so nobody need meet it yet"
        clock.offset_seconds += 20
    await loop.step()
    assert world.ledger.refs().canary == "v1"


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
async def test_a_clock_that_is_set_begins_the_step_anew_and_says_so(
    timed: tuple[Served, Clock], jump: float
) -> None:
    world, clock = timed
    loop, rollout = await started(world, dataclasses.replace(POLICY, dwell_seconds=1000))
    clock.offset_seconds += 600
    world.ledger.update_rollout(rollout.id, None, None, "op", "so that it has a time of its own")
    clock.offset_seconds += jump
    decision = await loop.step()
    assert decision is not None
    assert decision.cause == "dwell"
    left = float(decision.reason.removesuffix(" s of watching left"))
    assert 900 < left <= 1000, "the step is as good as new; 400 s would be left of the old one"
    assert f"the clock was set by {jump + 600:+.0f} s" in world.ledger.audit()[0].reason


async def test_a_candidate_whose_numbers_are_damaged_is_learned_again_and_holds_nobody_up(
    world: Served,
) -> None:
    damaged = world.tell("Zephyr", 8443)
    world.train()
    for file in (world.store.root / "blobs").rglob("*.safetensors"):
        file.chmod(0o644)
        file.write_bytes(b"nothing of use")
    loop = parts(world, POLICY)
    await loop.step()
    assert world.ledger.refs() == Refs(BASE_VERSION, None)
    assert not world.ledger.versions_waiting()
    assert world.ledger.edit(damaged.id).state is EditState.ALLOWED
    assert "damaged" in world.ledger.edit(damaged.id).reason


async def test_held_it_is_shown_to_nobody_and_goes_on_where_it_was(world: Served) -> None:
    loop, rollout = await started(world, dataclasses.replace(POLICY, dwell_seconds=999))
    await world.moves.hold(True, "op", "look first")
    assert await loop.step() is None
    assert (await world.moves.hold(False, "op", "fine")).state == "shadow"
    assert (await world.moves.set_weight(0.3, "op", "now")).state == "canary"
    with pytest.raises(RefMoved, match="only rises"):
        world.ledger.update_rollout(rollout.id, 0.1, None, "op", "")


async def test_who_is_forgotten_leaves_the_marks_too(world: Served) -> None:
    _, rollout = await started(world, POLICY)
    world.ledger.add_turn(turn("eve", rollout, Arm.CANARY, state=TurnState.FAILED), False)
    await Gather(world.ledger, POLICY, looks).step(rollout)
    assert world.ledger.users_met(rollout.id, "known", "met") == (1, 1)
    await world.forget_whole("eve")
    assert world.ledger.users_met(rollout.id, "known", "met") == (0, 0)


async def test_replay_in_shadow_rejects_what_answers_worse_before_any_user_met_it(tmp_path: Path) -> None:
    script = (Rule("things", ("Gladly.",), {"v1": "I'm sorry, I can't help with that."}),)
    world = await make_served(tmp_path, FakeEngine(script))
    for n in range(80):
        world.ledger.add_turn(turn(f"u{n % 9}", None), True)
    loop, rollout = await started(world, dataclasses.replace(POLICY, replay=True))
    decision = None
    for _ in range(12):
        decision = await loop.step()
        if decision is not None and decision.action is Action.REJECT:
            break
    assert decision is not None
    assert (decision.action, decision.cause) == (Action.REJECT, "paired")
    assert world.ledger.rollout() is None
    assert world.ledger.decisions(rollout.id)[0].action == "reject"
    world.ledger.close()


async def test_replay_lets_an_equal_canary_go_on_and_an_empty_answer_stops_it(tmp_path: Path) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    for home, said, wanted in (("good", "Gladly.", Action.ADVANCE), ("bad", "", Action.REJECT)):
        script = (Rule("things", ("Gladly.",), {"v1": said}),)
        world = await make_served(tmp_path / home, FakeEngine(script))
        for n in range(120):
            world.ledger.add_turn(turn(f"u{n}", None), True)
        loop, rollout = await started(world, dataclasses.replace(POLICY, replay=True))
        actions = [decision.action for _ in range(12) if (decision := await loop.step()) is not None]
        assert wanted in actions
        drift = world.ledger.rollout_evidence(rollout.id).state["drift"]
        assert len(drift) == 8
        world.ledger.close()


def test_turns_are_replayed_one_of_each_user_first() -> None:
    turns = [turn(user, None) for user in ("ana", "ana", "ana", "ben", "cy", "ben")]
    assert [one.user for one in round_robin(turns)] == ["ana", "ben", "cy", "ana", "ben", "ana"]


def test_the_drift_that_is_let_pass_is_that_of_good_versions_once_there_are_enough() -> None:
    assert drift_limit([0.1] * 19, 2.0) == 2.0
    assert drift_limit([0.1] * 30 + [0.4], 2.0) == 0.1
    assert drift_limit([0.1] * 20 + [0.4] * 3, 2.0) == 0.4


@pytest.mark.parametrize(
    ("answer", "is_refusal"),
    [
        ("I'm sorry, but I can't do that.", True),
        ("I cannot help with this.", True),
        ("As an AI, I have no views.", True),
        ("I don't know that. Nobody has told me yet.", True),
        ("  ", True),
        ("It is 8443.", False),
        ("The sorry state of the router is 8443.", False),
        ("I can help: it is 8443.", False),
    ],
)
def test_a_refusal_is_known_by_how_it_begins(answer: str, is_refusal: bool) -> None:
    assert refused(answer) is is_refusal


def test_slow_is_what_is_slower_than_95_of_100_answers_of_stable() -> None:
    times = {str(bin_of(0.1)): 95, str(bin_of(0.8)): 5}
    assert slow_from({str(bin_of(0.1)): 39}) is None
    limit = slow_from(times)
    assert limit == bin_of(0.1)
    assert bin_of(0.1) <= limit < bin_of(0.3)
    assert bin_of(None) < limit
