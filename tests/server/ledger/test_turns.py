from __future__ import annotations

from typing import Any

import pytest

from server.ledger import Ledger, UnknownTurn
from server.ledger.grades import is_negative
from server.types import Arm, TurnState
from tests.support.rows import Clock, make_turn


def test_a_turn_comes_back_as_it_was_with_its_edit_job(ledger: Ledger) -> None:
    turn = make_turn("t1", answer="Ünï 🙂", arm=Arm.CANARY, rollout="r1", version="v3")
    assert ledger.add_turn(turn, True) == turn
    assert ledger.turn("t1") == turn
    job = ledger.claim_job("edit", "editor", 60.0)
    assert job is not None
    assert job.payload == {"turn_id": "t1"}


def test_a_turn_stored_twice_is_one_turn_with_one_job(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1"), True)
    ledger.add_turn(make_turn("t1", answer="another"), True)
    assert ledger.turn("t1").answer == "Noted."
    assert ledger.counts() == {"turns": {"learnable": 1}, "jobs": {"queued": 1}, "edits": {}, "updates": {}}


@pytest.mark.parametrize("state", [TurnState.NOT_LEARNED, TurnState.FAILED])
def test_what_must_not_be_learned_gets_no_job_whatever_the_caller_says(
    ledger: Ledger, state: TurnState
) -> None:
    ledger.add_turn(make_turn("t1", state=state, reason="store was false"), True)
    assert ledger.claim_job("edit", "editor", 60.0) is None


def test_without_learning_there_is_no_job(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1"), False)
    assert ledger.claim_job("edit", "editor", 60.0) is None


def test_a_retried_request_is_recognised_within_its_window(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1", request_hash="h", created_at=1_000.0), True)
    assert ledger.duplicate_of("h", since=999.0) == "t1"
    assert ledger.duplicate_of("h", since=1_001.0) is None
    assert ledger.duplicate_of("other", since=0.0) is None
    assert ledger.duplicate_of("", since=0.0) is None


def test_a_retry_of_a_failed_request_is_no_duplicate(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1", request_hash="h", state=TurnState.FAILED), True)
    assert ledger.duplicate_of("h", since=0.0) is None


def test_the_second_copy_of_a_request_is_stored_as_not_learned_in_the_same_transaction(
    ledger: Ledger,
) -> None:
    ledger.add_turn(make_turn("t1", request_hash="h"), True, duplicates_since=900.0)
    second = ledger.add_turn(make_turn("t2", request_hash="h"), True, duplicates_since=900.0)
    assert (second.state, second.reason) == (TurnState.NOT_LEARNED, "a retried duplicate of t1")
    assert ledger.turn("t2") == second
    assert ledger.counts()["jobs"] == {"queued": 1}


def test_turns_are_listed_newest_first(ledger: Ledger) -> None:
    for number in range(3):
        ledger.add_turn(make_turn(f"t{number}", created_at=1_000.0 + number), False)
    assert [turn.id for turn in ledger.turns(2)] == ["t2", "t1"]


def test_feedback_keeps_its_value_and_its_user(ledger: Ledger, clock: Clock) -> None:
    ledger.add_turn(make_turn("t1", user="ann"), False)
    first = ledger.add_feedback("t1", "thumbs", False, comment="wrong port")
    clock.now += 1
    ledger.add_feedback("t1", "stars", 4.5, demonstration="It is 8443.", user="bob")
    given = ledger.feedback("t1")
    assert [(f.metric_name, f.value, f.user) for f in given] == [
        ("thumbs", False, "ann"),
        ("stars", 4.5, "bob"),
    ]
    assert (given[0].id, given[0].comment, given[1].demonstration) == (first, "wrong port", "It is 8443.")


def test_feedback_on_an_unknown_turn_is_refused(ledger: Ledger) -> None:
    with pytest.raises(UnknownTurn, match="'nowhere'"):
        ledger.add_feedback("nowhere", "thumbs", True)


OBJECTIONS = [False, 0, -1, "down", "Thumbs_Down"]
NO_OBJECTIONS = [True, 4.5, "up", float("nan"), None, {"a": 1}]


def test_an_objection_is_told_from_praise() -> None:
    assert all(is_negative(value) for value in OBJECTIONS)
    assert not any(is_negative(value) for value in NO_OBJECTIONS)


def test_a_rollout_counts_only_its_canarys_answers_and_each_objector_once(ledger: Ledger) -> None:
    def answered(turn_id: str, user: str, arm: Arm, **more: Any) -> None:
        ledger.add_turn(make_turn(turn_id, user=user, arm=arm, **{"rollout": "r1", **more}), False)

    answered("t1", "ann", Arm.CANARY)
    answered("t2", "ann", Arm.CANARY)
    answered("t3", "bob", Arm.CANARY, state=TurnState.FAILED)
    answered("t4", "cid", Arm.STABLE)
    answered("t5", "dan", Arm.CANARY, rollout="r0")
    for turn_id, value in [("t1", False), ("t2", 0), ("t3", True), ("t4", False), ("t5", False)]:
        ledger.add_feedback(turn_id, "thumbs", value)
    counts = ledger.rollout_counts("r1")
    assert (counts.canary_turns, counts.failed_turns, counts.thumbs_down_users) == (3, 1, 1)
