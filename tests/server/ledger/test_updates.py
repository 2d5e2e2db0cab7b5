from __future__ import annotations

from collections.abc import Callable

import pytest

from server.ledger import BadFinish, Claim, Ledger, StaleFence, UnknownVersion, VersionTaken
from server.ledger.updates import MAX_DEATHS
from server.types import EditState, UpdateState
from tests.support.rows import Clock, make_version

Add = Callable[[str], None]


def claimed(ledger: Ledger, limit: int = 8) -> Claim:
    claim = ledger.claim_edits("learner", 30.0, limit)
    assert claim is not None
    return claim


def accept(ledger: Ledger, claim: Claim, version: str = "v1") -> None:
    row = make_version(version, (f"delta of {version}",))
    learned = [edit.id for edit in claim.edits]
    ledger.finish_update(claim, UpdateState.ACCEPTED, "all checks held", row, learned=learned)


def test_the_oldest_allowed_edits_are_claimed_up_to_the_limit(
    ledger: Ledger, learned: Add, clock: Clock
) -> None:
    for name in "abc":
        learned(name)
        clock.now += 1
    ledger.set_edit_state("e-a", EditState.QUARANTINED, "wait")
    claim = claimed(ledger, limit=1)
    assert [(edit.id, edit.state) for edit in claim.edits] == [("e-b", EditState.CLAIMED)]
    (update,) = ledger.updates()
    assert (update.id, update.state, update.edits) == (claim.update_id, UpdateState.RUNNING, 1)


def test_nothing_is_claimed_when_nothing_waits(ledger: Ledger) -> None:
    assert ledger.claim_edits("learner", 30.0, 8) is None
    assert ledger.updates() == []


def test_one_update_runs_at_a_time(ledger: Ledger, learned: Add) -> None:
    learned("a")
    learned("b")
    claimed(ledger, limit=1)
    assert ledger.claim_edits("another", 30.0, 1) is None


def test_an_accepted_update_records_version_delta_and_edits(ledger: Ledger, learned: Add) -> None:
    learned("a")
    learned("b")
    claim = claimed(ledger)
    row = make_version("v1", ("d1",))
    returned = {"e-b": (EditState.MEMORY_ONLY, "known already")}
    ledger.finish_update(claim, UpdateState.ACCEPTED, "good", row, learned=["e-a"], returned=returned)
    a, b = ledger.edit("e-a"), ledger.edit("e-b")
    assert (a.state, a.version, a.attempts) == (EditState.TRAINED, "v1", 0)
    assert (b.state, b.version, b.reason, b.attempts) == (EditState.MEMORY_ONLY, None, "known already", 1)
    assert ledger.version("v1") == row
    assert ledger.delta("d1").edits == ("e-a",)
    assert ledger.trained_edits(row) == [a]
    (update,) = ledger.updates()
    assert (update.state, update.version, update.reason) == (UpdateState.ACCEPTED, "v1", "good")


def test_a_rejected_edit_counts_an_attempt_and_may_come_again(ledger: Ledger, learned: Add) -> None:
    learned("a")
    back = {"e-a": (EditState.ALLOWED, "not learned yet")}
    ledger.finish_update(claimed(ledger), UpdateState.REJECTED, "locality", None, returned=back)
    again = claimed(ledger)
    assert [(edit.id, edit.attempts) for edit in again.edits] == [("e-a", 1)]


def test_edits_that_came_back_are_taken_one_by_one_and_new_ones_together(
    ledger: Ledger, learned: Add
) -> None:
    learned("a")
    learned("b")
    back = {f"e-{name}": (EditState.ALLOWED, "taught words") for name in "ab"}
    ledger.finish_update(claimed(ledger), UpdateState.REJECTED, "taught words", None, returned=back)
    learned("c")
    learned("d")
    taken = []
    for _ in range(3):
        claim = claimed(ledger)
        taken.append([edit.id for edit in claim.edits])
        given_up = {edit.id: (EditState.MEMORY_ONLY, "not learned") for edit in claim.edits}
        ledger.finish_update(claim, UpdateState.REJECTED, "taught words", None, returned=given_up)
    assert taken == [["e-a"], ["e-b"], ["e-c", "e-d"]]


def test_after_expiry_the_old_holders_finish_is_refused_and_changes_nothing(
    ledger: Ledger, learned: Add, clock: Clock
) -> None:
    learned("a")
    old = claimed(ledger)
    clock.now += 31
    new = claimed(ledger)
    assert new.fence > old.fence
    assert [edit.id for edit in new.edits] == ["e-a"]
    with pytest.raises(StaleFence, match="held under fence 1"):
        accept(ledger, old, "v9")
    with pytest.raises(StaleFence, match="held under fence 1"):
        ledger.heartbeat_claim(old, 30.0)
    assert ledger.versions() == []
    assert ledger.edit("e-a").state is EditState.CLAIMED
    accept(ledger, new)
    with pytest.raises(StaleFence):
        accept(ledger, new, "v2")
    assert [row.name for row in ledger.versions()] == ["v1"]


def test_a_slow_learner_that_nobody_replaced_may_still_finish(
    ledger: Ledger, learned: Add, clock: Clock
) -> None:
    learned("a")
    claim = claimed(ledger)
    clock.now += 1_000
    accept(ledger, claim)
    assert ledger.edit("e-a").state is EditState.TRAINED


def test_a_heartbeat_keeps_the_claim(ledger: Ledger, learned: Add, clock: Clock) -> None:
    learned("a")
    claim = claimed(ledger)
    clock.now += 20
    ledger.heartbeat_claim(claim, 30.0)
    clock.now += 20
    assert ledger.release_expired() == []
    accept(ledger, claim)


def test_an_edit_withdrawn_while_it_trains_makes_the_update_record_nothing(
    ledger: Ledger, learned: Add
) -> None:
    learned("a")
    learned("b")
    claim = claimed(ledger)
    ledger.set_edit_state("e-a", EditState.REVOKED, "its user asked to be forgotten", actor="ann")
    with pytest.raises(StaleFence, match="withdrawn meanwhile"):
        accept(ledger, claim)
    assert ledger.versions() == []
    ledger.release_claim(claim, "an edit was withdrawn")
    states = [ledger.edit(name).state for name in ("e-a", "e-b")]
    assert states == [EditState.REVOKED, EditState.ALLOWED]


def test_every_edit_of_a_claim_must_be_accounted_for_exactly_once(ledger: Ledger, learned: Add) -> None:
    learned("a")
    learned("b")
    claim = claimed(ledger)
    row = make_version("v1", ("d1",))
    done = UpdateState.ACCEPTED
    back = {"e-b": (EditState.ALLOWED, "")}
    with pytest.raises(BadFinish, match="says nothing of 1"):
        ledger.finish_update(claim, done, "", row, learned=["e-a"])
    with pytest.raises(BadFinish, match="both learned and returned"):
        ledger.finish_update(claim, done, "", row, learned=["e-a", "e-b"], returned=back)
    with pytest.raises(BadFinish, match="belongs to another claim"):
        ledger.finish_update(claim, done, "", row, learned=["e-a", "e-b", "e-x"])
    with pytest.raises(BadFinish, match="only by an accepted update"):
        ledger.finish_update(claim, UpdateState.REJECTED, "", row, learned=["e-a"], returned=back)
    sneaky = {"e-b": (EditState.TRAINED, "")}
    with pytest.raises(BadFinish, match="cannot be returned as trained"):
        ledger.finish_update(claim, done, "", row, learned=["e-a"], returned=sneaky)
    with pytest.raises(BadFinish, match="cannot finish as running"):
        ledger.finish_update(claim, UpdateState.RUNNING, "", None)
    assert ledger.versions() == []
    assert ledger.updates()[0].state is UpdateState.RUNNING


def test_a_taken_version_name_leaves_the_claim_open_for_the_next_name(ledger: Ledger, learned: Add) -> None:
    learned("a")
    accept(ledger, claimed(ledger))
    learned("b")
    claim = claimed(ledger)
    with pytest.raises(VersionTaken, match="the next name is v2"):
        accept(ledger, claim, "v1")
    with pytest.raises(UnknownVersion):
        accept(ledger, claim, "v0")
    accept(ledger, claim, ledger.next_version_name())
    assert [row.name for row in ledger.versions()] == ["v1", "v2"]


def test_a_dead_learners_edits_come_back_at_once_when_its_death_is_known(
    ledger: Ledger, learned: Add
) -> None:
    learned("a")
    claim = claimed(ledger)
    assert ledger.release_owner("somebody else") == []
    assert ledger.release_owner("learner") == [claim.update_id]
    assert ledger.edit("e-a").state is EditState.ALLOWED
    assert ledger.updates()[0].reason == "the learner stopped before it was done"


def test_an_edit_that_keeps_killing_the_learner_waits_for_a_person(
    ledger: Ledger, learned: Add, clock: Clock
) -> None:
    learned("a")
    for _ in range(MAX_DEATHS):
        claimed(ledger)
        clock.now += 31
    assert ledger.claim_edits("learner", 30.0, 8) is None
    (edit,) = ledger.edits_in(EditState.QUARANTINED)
    assert "learner died" in edit.reason


def test_a_run_that_was_asked_for_keeps_its_id_and_needs_no_edits(ledger: Ledger) -> None:
    asked = ledger.request_run()
    assert ledger.request_run() == asked, "asking twice before it starts is one request"
    assert ledger.take_run_request() == asked
    assert ledger.take_run_request() is None
    claim = ledger.claim_edits("learner", 30.0, 8, asked)
    assert claim is not None
    assert (claim.update_id, claim.edits) == (asked, ())
    ledger.finish_update(claim, UpdateState.NOTHING_TO_DO, "no allowed edits are waiting", None)
    assert ledger.updates()[0].id == asked


def test_a_run_that_was_asked_for_while_another_goes_is_not_lost(ledger: Ledger, learned: Add) -> None:
    learned("a")
    claim = claimed(ledger)
    asked = ledger.request_run()
    assert ledger.claim_edits("learner", 30.0, 8, ledger.take_run_request()) is None
    accept(ledger, claim)
    assert ledger.take_run_request() == asked


def test_a_consolidated_delta_carries_earlier_edits_too(
    ledger: Ledger, learned: Add, train: Callable[[str], Claim]
) -> None:
    learned("a")
    train("v1")
    learned("b")
    claim = claimed(ledger)
    whole = make_version("v2", ("all of it",), "v1")
    ledger.finish_update(claim, UpdateState.ACCEPTED, "one delta", whole, learned=["e-b"], carried=["e-a"])
    assert [edit.id for edit in ledger.trained_edits(whole)] == ["e-a", "e-b"]
    assert ledger.edit("e-a").version == "v1"
