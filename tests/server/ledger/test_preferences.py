"""Preferences wait for company, are claimed by kind, and never mix with facts."""

from dataclasses import replace

from server.ledger import Ledger
from server.types import EditState, Example, SelfEdit, UpdateKind, UpdateState
from tests.support.rows import make_edit, make_turn


def preference(name: str, *kinds: str, turn: str = "t1", user: str = "ann") -> SelfEdit:
    examples = tuple(Example(kind, "Which port?", f"{name} {kind}") for kind in kinds)  # type: ignore[arg-type]
    return replace(make_edit(name, turn), kind="preference", examples=examples, user=user)


def told(ledger: Ledger, *edits: SelfEdit) -> None:
    for number, edit in enumerate(edits):
        if edit.turn_id not in {turn.id for turn in ledger.turns()}:
            ledger.add_turn(make_turn(edit.turn_id), False)
        ledger.add_job("preference", {"n": number, "id": edit.id})
        job = ledger.claim_job("preference", "test", 30)
        assert job is not None
        ledger.finish_preference_job(job, edit, ({"decision": "allow"},))


def test_feedback_of_the_turns_own_user_is_queued_and_nobody_elses(ledger: Ledger) -> None:
    ledger.add_turn(make_turn("t1", user="ann"), False)
    ledger.add_feedback("t1", "thumbs", True, user="bob", learn=True)
    assert ledger.count_open_jobs("preference") == 0
    mine = ledger.add_feedback("t1", "thumbs", True, learn=True)
    job = ledger.claim_job("preference", "test", 30)
    assert job is not None
    assert job.payload == {"turn_id": "t1", "feedback_id": mine}


def test_pairs_wait_until_there_are_enough_and_thumbs_until_both_kinds_are_there(ledger: Ledger) -> None:
    told(
        ledger,
        *(preference(f"p{n}", "chosen", "rejected", turn=f"tp{n}") for n in range(2)),
        *(preference(f"u{n}", "chosen", turn=f"tu{n}") for n in range(4)),
    )
    assert ledger.claim_preferences("learner", 30, 3, 4) is None
    told(ledger, preference("d", "rejected", turn="td"))
    waiting = ledger.waiting_preferences()
    assert (len(waiting.pairs), len(waiting.liked), len(waiting.disliked)) == (2, 4, 1)
    claim = ledger.claim_preferences("learner", 30, 3, 4)
    assert claim is not None
    assert {edit.id for edit in claim.edits} == {"u0", "u1", "u2", "u3", "d"}
    assert ledger.updates(1)[0].kind is UpdateKind.PREFERENCE


def test_facts_are_claimed_without_preferences_and_one_run_goes_at_a_time(ledger: Ledger) -> None:
    told(ledger, preference("p", "chosen", "rejected"), make_edit("fact", "t2"))
    assert ledger.count_pending() == 1
    claim = ledger.claim_edits("learner", 30, 8)
    assert claim is not None
    assert [edit.id for edit in claim.edits] == ["fact"]
    assert ledger.claim_preferences("learner", 30, 1, 0) is None
    ledger.finish_update(
        claim, UpdateState.REJECTED, "", None, returned={"fact": (EditState.MEMORY_ONLY, "no")}
    )
    assert ledger.claim_preferences("learner", 30, 1, 0) is not None


def test_later_feedback_takes_the_place_of_what_the_user_said_before(ledger: Ledger) -> None:
    told(ledger, preference("thumb", "rejected"), preference("correction", "chosen", "rejected"))
    assert [edit.id for edit in ledger.waiting_preferences().pairs] == ["correction"]
    assert not ledger.waiting_preferences().disliked
    assert ledger.edit("thumb").reason == "replaced by later feedback"


def test_a_turns_lineage_says_that_it_is_the_feedback_that_waits(ledger: Ledger) -> None:
    told(ledger, preference("p", "chosen", "rejected"))
    assert ledger.lineage("t1").state == "the feedback on it: waiting for the learner"
