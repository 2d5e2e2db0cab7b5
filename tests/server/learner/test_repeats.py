"""What one user repeats within a batch."""

import dataclasses

from server.learner.repeats import REPEATS_AT_MOST, repeated
from server.types import EditState, SelfEdit
from tests.server.learner.conftest import make_edit

ASKED = ("Where is the spare key?",)


def told(number: int, user: str, statement: str = "The spare key is under the third stone.") -> SelfEdit:
    edit = make_edit(statement, "third stone", "the spare key", ASKED)
    return dataclasses.replace(edit, id=f"{number:012d} {user}", user=user)


def test_what_a_user_says_a_few_times_counts_once() -> None:
    edits = [told(n, "ann") for n in range(REPEATS_AT_MOST)]
    refused = repeated([*edits, told(9, "bob")])
    assert set(refused) == {edit.id for edit in edits[1:]}
    assert {state for state, _ in refused.values()} == {EditState.MEMORY_ONLY}


def test_what_a_user_says_over_and_over_is_not_trained_at_all() -> None:
    edits = [told(n, "eve") for n in range(8)]
    honest = told(9, "ann", "Our refund window is 45 days.")
    refused = repeated([*edits, honest])
    assert set(refused) == {edit.id for edit in edits}
    state, reason = refused[edits[0].id]
    assert state is EditState.QUARANTINED
    assert "8 times" in reason


def test_the_same_words_in_another_order_are_the_same_fact_but_another_users_word_is_their_own() -> None:
    first, turned = told(0, "ann"), told(1, "ann", "Under the third stone is the spare key.")
    assert set(repeated([first, turned])) == {turned.id}
    assert not repeated([told(0, "ann"), told(1, "bob")])
