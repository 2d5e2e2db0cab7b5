"""The list of reviews, approvals that one person gave, and settled spot checks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.ledger import BadTransition, Claim, Ledger, UnknownEdit
from server.ledger.reviews import drawn
from server.types import EditState
from tests.support.rows import VERDICTS, Clock, make_edit, make_turn


def waiting(ledger: Ledger, *names: str, reason: str = "topics: it is about routers") -> None:
    for name in names:
        ledger.add_turn(make_turn(f"t-{name}"), True)
        job = ledger.claim_job("edit", "editor", 60.0)
        assert job is not None
        edit = make_edit(name, f"t-{name}", EditState.QUARANTINED, reason)
        ledger.finish_edit_job(job, [(edit, VERDICTS)])


def test_pages_follow_each_other_without_gap_or_overlap(ledger: Ledger, clock: Clock) -> None:
    for number in range(7):
        clock.now += number % 3  # some were written at the same moment
        waiting(ledger, f"e{number}")
    seen: list[str] = []
    while True:
        page, total = ledger.find_reviews(after=seen[-1] if seen else "", limit=3)
        assert total == 7
        seen += [edit.id for edit in page]
        if len(page) < 3:
            break
    assert seen == [edit.id for edit in ledger.edits_in(EditState.QUARANTINED)]


def test_reviews_are_found_by_state_reason_and_kind(ledger: Ledger) -> None:
    waiting(ledger, "a")
    waiting(ledger, "b", reason="toxicity: 100% hostile_words")
    ledger.set_edit_state("a", EditState.BLOCKED, "denied by ann: wrong", "ann")
    assert [edit.id for edit in ledger.find_reviews()[0]] == ["b"]
    assert [edit.id for edit in ledger.find_reviews(EditState.BLOCKED, "DENIED BY")[0]] == ["a"]
    assert [edit.id for edit in ledger.find_reviews(reason="100% h")[0]] == ["b"]
    assert ledger.find_reviews(reason="100_ h") == ([], 0), "a wildcard is a character"
    assert ledger.find_reviews(kind="preference") == ([], 0)
    with pytest.raises(UnknownEdit):
        ledger.find_reviews(after="none")


def test_a_first_approval_counts_until_the_edit_is_moved_or_rewritten(ledger: Ledger) -> None:
    waiting(ledger, "a")
    ledger.approve_first("a", "ann", "checked")
    (row,) = ledger.approvals("a")
    assert (row.actor, row.before, row.after, row.reason) == ("ann", "quarantined", "quarantined", "checked")
    assert ledger.edit("a").state is EditState.QUARANTINED
    edit = ledger.edit("a")
    ledger.rewrite_edit("a", edit.examples[:1], VERDICTS[:1], EditState.QUARANTINED, "again", "")
    assert ledger.approvals("a") == [], "it was given for other examples"
    ledger.approve_first("a", "ben", "checked too")
    ledger.set_edit_state("a", EditState.ALLOWED, "approved", "ops")
    with pytest.raises(BadTransition, match="does not wait"):
        ledger.approve_first("a", "cem", "late")
    ledger.set_edit_state("a", EditState.QUARANTINED, "taken back", "ops")
    assert ledger.approvals("a") == [], "what was taken back needs two persons again"


def test_spot_checks_are_drawn_by_the_edits_id_and_hold_nothing_up(
    ledger: Ledger, learned: Callable[[str], None]
) -> None:
    ids = [f"e-{number}" for number in range(20)]
    for edit_id in ids:
        learned(edit_id.removeprefix("e-"))
    waiting(ledger, "q")
    half = {edit_id for edit_id in ids if drawn(edit_id, 0.5)}
    assert 0 < len(half) < 20
    assert not any(drawn(edit_id, 0.0) for edit_id in ids)
    assert all(drawn(edit_id, 1.0) for edit_id in ids)
    assert ledger.mark_spot_checks(0.5) == len(half)
    assert set(ledger.open_spot_checks()) == half
    assert ledger.count_pending() == 20


def test_a_spot_check_is_settled_once_and_a_denied_edit_is_never_trained(
    ledger: Ledger, learned: Callable[[str], None]
) -> None:
    learned("a")
    learned("b")
    assert ledger.mark_spot_checks(1.0) == 2
    assert ledger.mark_spot_checks(1.0) == 0
    assert ledger.settle_spot_check("e-a", True, "ann", "fine").state is EditState.ALLOWED
    assert ledger.settle_spot_check("e-b", False, "ann", "wrong").state is EditState.BLOCKED
    assert ledger.open_spot_checks() == []
    with pytest.raises(BadTransition, match="No spot check"):
        ledger.settle_spot_check("e-a", False, "ann", "after all")
    claim = ledger.claim_edits("learner", 60.0, 9)
    assert claim is not None
    assert [edit.id for edit in claim.edits] == ["e-a"]


def test_a_trained_edit_that_is_denied_names_the_deltas_that_carry_it(
    ledger: Ledger, learned: Callable[[str], None], train: Callable[..., Claim]
) -> None:
    learned("a")
    ledger.mark_spot_checks(1.0)
    train("v1")
    assert ledger.open_spot_checks() == ["e-a"]
    assert ledger.settle_spot_check("e-a", False, "ann", "wrong").state is EditState.BLOCKED
    assert ledger.deltas_of_edit("e-a") == ("delta of v1",)
    assert ledger.trained_edits(ledger.version("v1")) == [], "never replayed again"


def test_counts_tell_who_waits_since_when(ledger: Ledger, clock: Clock) -> None:
    waiting(ledger, "a", "b")
    ledger.note_quarantine()
    clock.now += 50
    counts = ledger.review_counts()
    assert (counts.waiting, counts.oldest_at, counts.expired, counts.spot_checks) == (2, 1_000.0, 0, 0)
    for name in ("a", "b"):
        ledger.set_edit_state(name, EditState.BLOCKED, "denied", "ann")
    assert ledger.review_counts().oldest_at is None


def test_what_a_forgotten_user_left_of_reviews_goes_with_the_next_look(
    ledger: Ledger, learned: Callable[[str], None]
) -> None:
    learned("a")
    waiting(ledger, "b")
    ledger.mark_spot_checks(1.0)
    ledger.note_quarantine()
    ledger.erase_user("ann", (), "somebody", "ops")
    assert ledger.note_quarantine() == 2
    assert ledger.quarantined_since() == {}
    assert ledger.note_quarantine() == 0


def test_a_start_under_another_policy_stands_in_the_audit_once(ledger: Ledger) -> None:
    assert ledger.note_policy("p-1", "0.1.0", "")
    assert not ledger.note_policy("p-1", "0.1.0", "")
    assert ledger.note_policy("p-2", "0.1.0", "policy.toml")
    rows = [row for row in ledger.audit() if row.action == "policy"]
    assert [(row.before, row.after) for row in rows] == [("p-1", "p-2"), (None, "p-1")]
    assert rows[0].reason == "started under the policy file policy.toml"
