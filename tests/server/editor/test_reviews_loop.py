"""What waits for a person: denied in time, judged again after a change, drawn for spot checks, erased."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from guardian import Candidate, Decision, Finding, Guardian, Policy, Scope, Source, Status, Verdict
from guardian.checks.registry import BUILDERS
from guardian.data_policy import DataPolicy, SignOff, Topic, Topics
from server.editor.again import STALE_SECONDS, due
from server.editor.loop import EditorLoop
from server.editor.reviews_loop import GUARDIAN_RETRY_SECONDS, SLACK_SECONDS, ReviewOptions, ReviewsLoop
from server.engine.fake import FakeEngine
from server.ledger import Ledger
from server.types import EditState, SelfEdit, Standing, Turn
from tests.support.editor import PORT
from tests.support.rows import Clock, make_edit

Told = Callable[..., Turn]
DAY = 86_400.0
CHECKS = {name: BUILDERS[name] for name in ("canonical", "provenance", "topics", "sources", "sign_off")}
ROUTERS = DataPolicy(topics=Topics(forbidden=(Topic("routers", ("router",), "quarantine"),)))


def judging(data: DataPolicy | None = None, **policy: object) -> Guardian:
    return Guardian(Policy(data=data or DataPolicy(), **policy), CHECKS)  # type: ignore[arg-type]


def reviewing(ledger: Ledger, guardian: Guardian, clock: Clock, **options: object) -> ReviewsLoop:
    given = {"spot_check_share": 0.0, **options}
    return ReviewsLoop(ledger, guardian, ReviewOptions(**given), clock=clock)  # type: ignore[arg-type]


async def learn(ledger: Ledger, engine: FakeEngine, guardian: Guardian, *turns: Turn) -> list[SelfEdit]:
    """Have the editor write what these turns tell; the edits in order."""
    editor = EditorLoop(ledger, engine, guardian)
    for turn in turns:
        ledger.add_turn(turn, True)
        assert await editor.step()
    return [edit for turn in turns for edit in ledger.edits(turn.id)]


def due_ids(ledger: Ledger, guardian: Guardian, clock: Clock) -> list[str]:
    return [one.id for one in due(ledger, guardian.policy.version, clock.now)]


async def settled(loop: ReviewsLoop) -> None:
    while await loop.step():
        pass


async def test_what_nobody_looks_at_is_denied_in_time_with_an_audit_row(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    guardian = judging(ROUTERS)
    (edit,) = await learn(ledger, engine, guardian, told(PORT))
    assert edit.state is EditState.QUARANTINED
    loop = reviewing(ledger, guardian, clock, quarantine_days=30.0)
    await settled(loop)
    clock.now += 29 * DAY
    await settled(loop)
    assert ledger.edit(edit.id).state is EditState.QUARANTINED
    assert "denied unseen in 24 hours" in loop.alarms()[0]
    clock.now += 2 * DAY
    assert await loop.step() is True
    assert ledger.edit(edit.id).state is EditState.BLOCKED
    assert ledger.edit(edit.id).reason == "expired: nobody looked at it for 30 days"
    row = next(row for row in ledger.audit() if row.action == "expire")
    assert (row.actor, row.subject, row.before, row.after) == (
        "guardian",
        edit.id,
        "quarantined",
        "blocked",
    )
    assert "routers" in row.evidence["was"]
    assert ledger.review_counts().expired == 1
    await settled(loop)
    assert loop.alarms() == []


async def test_time_in_quarantine_begins_anew_when_a_rollback_sends_an_edit_there(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    guardian = judging()
    (edit,) = await learn(ledger, engine, guardian, told(PORT))
    loop = reviewing(ledger, guardian, clock)
    await settled(loop)
    clock.now += 100 * DAY
    ledger.set_edit_state(edit.id, EditState.QUARANTINED, "taken back with v1: wrong", "ops")
    await settled(loop)
    assert ledger.edit(edit.id).state is EditState.QUARANTINED
    assert ledger.quarantined_since() == {edit.id: clock.now}
    ledger.set_edit_state(edit.id, EditState.ALLOWED, "approved", "ops")
    await settled(loop)
    assert ledger.quarantined_since() == {}


async def test_another_policy_judges_again_what_a_verdict_had_stopped(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    (edit,) = await learn(ledger, engine, judging(ROUTERS), told(PORT))
    assert len(edit.examples) > 4, "the examples wait with their statement"
    loop = reviewing(ledger, judging(), clock)
    await settled(loop)
    after = ledger.edit(edit.id)
    assert (after.state, after.reason) == (EditState.ALLOWED, "")
    assert after.examples == edit.examples
    row = next(row for row in ledger.audit() if row.action == "judged_again")
    assert (row.actor, row.before, row.after) == ("guardian", "quarantined", "allowed")
    assert "'routers'" in row.evidence["was"]
    assert ledger.verdicts(edit.id)[0]["policy"] == Policy().version
    assert ledger.standings([edit.id])[edit.id] is not Standing.APPROVED, "no person has approved it"


async def test_what_only_its_user_might_learn_reaches_everybody_when_the_policy_lets_it(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    strict = judging(global_from="operator")
    (edit,) = await learn(ledger, engine, strict, told(PORT, operator=False))
    assert edit.state is EditState.MEMORY_ONLY
    await settled(reviewing(ledger, strict, clock))
    assert ledger.edit(edit.id).state is EditState.MEMORY_ONLY
    await settled(reviewing(ledger, judging(), clock))
    assert ledger.edit(edit.id).state is EditState.ALLOWED


async def test_a_stricter_policy_sends_what_was_in_memory_to_a_person(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    (edit,) = await learn(ledger, engine, judging(), told("My dog is called Rex."))
    assert edit.state is EditState.MEMORY_ONLY
    await settled(reviewing(ledger, judging(DataPolicy(sign_off=SignOff(("fact",)))), clock))
    assert ledger.edit(edit.id).state is EditState.QUARANTINED
    assert "wants a person to agree" in ledger.edit(edit.id).reason


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (EditState.BLOCKED, "denied by ann: wrong"),
        (EditState.QUARANTINED, "taken back with v3: wrong"),
        (EditState.MEMORY_ONLY, "the gate refused it twice"),
        (EditState.REVOKED, "revoked: wrong"),
    ],
)
async def test_what_a_person_a_rollback_or_the_gate_decided_is_not_judged_again(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock, state: EditState, reason: str
) -> None:
    (edit,) = await learn(ledger, engine, judging(ROUTERS), told(PORT))
    ledger.set_edit_state(edit.id, state, reason, "ann")
    await settled(reviewing(ledger, judging(), clock))
    assert (ledger.edit(edit.id).state, ledger.edit(edit.id).reason) == (state, reason)


async def test_a_later_statement_of_the_same_subject_has_an_edit_judged_again(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    guardian = judging(ROUTERS)
    first = told(PORT, "t1", user="ann", operator=False)
    (edit,) = await learn(ledger, engine, guardian, first)
    assert due_ids(ledger, guardian, clock) == []
    clock.now += 1
    other = told("The tower of the Boreas mill is red.", "t2", user="ben", operator=False)
    await learn(ledger, engine, guardian, other)
    assert due_ids(ledger, guardian, clock) == []
    clock.now += 1
    same = told("The admin name of the Zephyr router is root.", "t3", user="ben", operator=False)
    (second,) = await learn(ledger, engine, guardian, same)
    assert second.subject == edit.subject
    assert due_ids(ledger, guardian, clock) == [edit.id]
    await settled(reviewing(ledger, guardian, clock))
    assert due_ids(ledger, guardian, clock) == [], "it was judged since"


async def test_an_approved_fact_has_what_shares_words_with_it_judged_again(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    guardian = judging(ROUTERS)
    turns = (
        told(PORT, "t1", user="ann", operator=False),
        told("The admin port of the Boreas router is 9000.", "t2", user="ben", operator=False),
    )
    first, second = await learn(ledger, engine, guardian, *turns)
    clock.now += 1
    ledger.set_edit_state(second.id, EditState.ALLOWED, "approved by ops: checked", "ops")
    assert due_ids(ledger, guardian, clock) == [first.id]


async def test_what_waits_is_judged_again_once_a_day_for_what_changes_with_time(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    guardian = judging(ROUTERS)
    (edit,) = await learn(ledger, engine, guardian, told(PORT))
    clock.now += STALE_SECONDS + 1
    assert due_ids(ledger, guardian, clock) == [edit.id]
    await settled(reviewing(ledger, guardian, clock))
    assert due_ids(ledger, guardian, clock) == []
    assert [row for row in ledger.audit() if row.action == "judged_again"] == [], "nothing changed"


async def test_a_step_judges_a_bounded_number_again(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    names = ("Zephyr", "Boreas", "Notos")
    turns = [told(f"The admin port of the {n} router is 8{i}43.", f"t{i}") for i, n in enumerate(names)]
    edits = await learn(ledger, engine, judging(ROUTERS), *turns)
    loop = ReviewsLoop(ledger, judging(), ReviewOptions(spot_check_share=0.0), at_a_time=2, clock=clock)
    assert await loop.step() is True
    assert sum(ledger.edit(edit.id).state is EditState.ALLOWED for edit in edits) == 2
    assert await loop.step() is True
    assert all(ledger.edit(edit.id).state is EditState.ALLOWED for edit in edits)
    assert await loop.step() is False


async def test_a_person_who_decides_while_it_is_judged_wins(
    ledger: Ledger, engine: FakeEngine, told: Told
) -> None:
    (edit,) = await learn(ledger, engine, judging(ROUTERS), told(PORT))
    ledger.set_edit_state(edit.id, EditState.BLOCKED, "denied by ann: wrong", "ann")
    assert ledger.judged_again(edit, replace(edit, state=EditState.ALLOWED, reason=""), []) is None
    assert ledger.edit(edit.id).state is EditState.BLOCKED
    assert ledger.judged_again(make_edit("gone", "t9"), edit, []) is None


async def test_a_person_who_decides_before_its_turn_comes_wins_too(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    turns = [told(f"The admin port of the {n} router is 8{i}43.", f"t{i}") for i, n in enumerate(("A", "B"))]
    first, second = await learn(ledger, engine, judging(ROUTERS), *turns)
    loop = ReviewsLoop(ledger, judging(), ReviewOptions(spot_check_share=0.0), at_a_time=1, clock=clock)
    assert await loop.step() is True
    ledger.set_edit_state(second.id, EditState.BLOCKED, "denied by ann: wrong", "ann")
    await settled(loop)
    assert ledger.edit(first.id).state is EditState.ALLOWED
    assert ledger.edit(second.id).state is EditState.BLOCKED


async def test_what_was_weighed_once_is_not_weighed_again_after_a_restart(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    guardian = judging(ROUTERS)
    (edit,) = await learn(ledger, engine, guardian, told(PORT))
    clock.now += 1
    await learn(ledger, engine, guardian, told(PORT.replace("8443", "9999"), "t2", user="ben"))
    assert due_ids(ledger, guardian, clock) == [edit.id]
    await settled(reviewing(ledger, guardian, clock))
    assert ledger.looked_to() == clock.now - SLACK_SECONDS
    clock.now += 2 * SLACK_SECONDS
    ledger.set_looked_to(clock.now)
    assert ledger.told_since(ledger.looked_to()) == []


async def test_an_edit_that_goes_on_waiting_keeps_the_examples_it_would_lose(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    guardian = judging(ROUTERS)
    (edit,) = await learn(ledger, engine, guardian, told(PORT))
    clock.now += 5
    fewer = replace(edit, examples=edit.examples[:1], reason="topics: for another reason")
    after = ledger.judged_again(edit, fewer, ledger.verdicts(edit.id)[:1])
    assert after is not None
    assert (after.examples, after.reason) == (edit.examples, "topics: for another reason")
    assert ledger.judged_long_ago()[0].judged_at == clock.now


class Faint(Guardian):
    """The real guardian, one of whose checks cannot run while it is ill."""

    ill = True

    def judge(self, candidate: Candidate, source: Source) -> Verdict:
        error = Finding("topics", "none", Decision.QUARANTINE, Scope.NONE, Status.ERROR, evidence="ill")
        if self.ill:
            return Verdict(Decision.QUARANTINE, Scope.NONE, (error,))
        return super().judge(candidate, source)


async def test_while_the_guardian_cannot_judge_everything_stays_as_it_is(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    (edit,) = await learn(ledger, engine, judging(ROUTERS), told(PORT))
    guardian = Faint(Policy(), CHECKS)
    loop = reviewing(ledger, guardian, clock)
    await settled(loop)
    assert ledger.edit(edit.id) == edit
    guardian.ill = False
    await settled(loop)
    assert ledger.edit(edit.id) == edit, "not yet asked again"
    clock.now += GUARDIAN_RETRY_SECONDS
    await settled(loop)
    assert ledger.edit(edit.id).state is EditState.ALLOWED


class FaintAt(Guardian):
    """Cannot judge what holds a word, and judges everything else."""

    word = "Zephyr"

    def judge(self, candidate: Candidate, source: Source) -> Verdict:
        error = Finding("topics", "none", Decision.QUARANTINE, Scope.NONE, Status.ERROR, evidence="ill")
        if self.word in source.text:
            return Verdict(Decision.QUARANTINE, Scope.NONE, (error,))
        return super().judge(candidate, source)


async def test_an_edit_that_the_guardian_cannot_judge_keeps_no_other_from_being_judged_again(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    hard, easy = await learn(
        ledger, engine, judging(ROUTERS), told(PORT), told(PORT.replace("Zephyr", "Boreas"), "t2")
    )
    await settled(reviewing(ledger, FaintAt(Policy(), CHECKS), clock))
    assert ledger.edit(hard.id).state is EditState.QUARANTINED
    assert ledger.edit(easy.id).state is EditState.ALLOWED


async def test_two_loops_on_one_ledger_take_turns(ledger: Ledger, clock: Clock) -> None:
    first = reviewing(ledger, judging(), clock)
    second = ReviewsLoop(ledger, judging(), ReviewOptions(), owner="another", clock=clock)
    await first.step()
    assert await second.step() is False
    clock.now += 61
    await second.step()
    assert ledger.acquire_lease("reviews", "another", 60.0)


async def test_every_allowed_edit_is_drawn_for_once_also_one_allowed_by_judging_again(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    first, second = (
        *await learn(ledger, engine, judging(), told(PORT)),
        *await learn(ledger, engine, judging(ROUTERS), told(PORT.replace("Zephyr", "Boreas"), "t2")),
    )
    loop = reviewing(ledger, judging(), clock, spot_check_share=1.0)
    await settled(loop)
    assert set(ledger.open_spot_checks()) == {first.id, second.id}
    ledger.settle_spot_check(first.id, True, "ann", "fine")
    await settled(loop)
    assert ledger.open_spot_checks() == [second.id]


async def test_turns_that_taught_nothing_are_erased_when_their_time_is_over(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    guardian = judging()
    await learn(ledger, engine, guardian, told(PORT, "t1"), told("What is the port?", "t2"))
    (denied,) = await learn(ledger, engine, judging(ROUTERS), told(PORT.replace("Zephyr", "Boreas"), "t3"))
    ledger.set_edit_state(denied.id, EditState.BLOCKED, "denied by ann: wrong", "ann")
    ledger.add_feedback("t2", "thumb", True)
    ledger.add_turn(told("The tower is red.", "t4"), True)  # its job is still open
    loop = reviewing(ledger, guardian, clock, untaught_days=90.0)
    await settled(loop)
    assert len(ledger.turns()) == 4, "not yet"
    clock.now += 91 * DAY
    await settled(loop)
    assert {turn.id for turn in ledger.turns()} == {"t1", "t4"}
    row = next(row for row in ledger.audit() if row.action == "retention")
    assert (row.actor, row.evidence["turns"], row.evidence["self_edits"]) == ("policy", 2, 1)
    assert row.evidence["feedback"] == 1
    assert "wrong" not in "".join(row.reason for row in ledger.audit() if row.subject == denied.id)
    assert [edit.id for edit in ledger.edits("t1")], "what was allowed stays"
    assert ledger.verify_audit().ok


async def test_a_blocked_edit_goes_even_where_its_turn_taught_something_else(
    ledger: Ledger, engine: FakeEngine, told: Told, clock: Clock
) -> None:
    both = told(f"{PORT} The tower colour of the Boreas mill is red.", "t1")
    first, second = await learn(ledger, engine, judging(), both)
    ledger.set_edit_state(second.id, EditState.BLOCKED, "denied by ann: wrong", "ann")
    clock.now += 91 * DAY
    assert ledger.erase_untaught(90.0)["self_edits"] == 1
    assert [edit.id for edit in ledger.edits("t1")] == [first.id]
    assert ledger.erase_untaught(90.0) == {}


async def test_a_server_without_keys_says_that_it_cannot_tell_two_persons_apart(
    ledger: Ledger, clock: Clock
) -> None:
    loop = reviewing(ledger, judging(), clock, keys=False, two_persons=True)
    assert "cannot tell persons apart" in loop.alarms()[0]
    assert reviewing(ledger, judging(), clock, keys=True, two_persons=True).alarms() == []
