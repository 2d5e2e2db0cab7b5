"""Who has stated what, on real SQLite: found by keyed hashes, newest first, gone when it must not count."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from server.ledger import Ledger
from server.ledger.fragments import ACCEPTED
from server.types import EditState, Message, SelfEdit
from tests.support.older import taken_back
from tests.support.rows import VERDICTS, Clock, make_edit, make_turn

PORT = "The admin port of the Zephyr router is 8443."
Tell = Callable[..., SelfEdit]


@pytest.fixture
def tell(ledger: Ledger, clock: Clock) -> Tell:
    """A user states something, a second after what was said before."""

    def say(
        user: str,
        text: str,
        *,
        subject: str = "",
        operator: bool = False,
        state: EditState = EditState.MEMORY_ONLY,
    ) -> SelfEdit:
        clock.now += 1.0
        name = f"{user}-{clock.now:.0f}"
        turn = make_turn(f"t-{name}", user=user, operator=operator, created_at=clock.now)
        ledger.add_turn(replace(turn, messages=(Message("user", text),)), True)
        job = ledger.claim_job("edit", "editor", 60.0)
        assert job is not None
        edit = replace(make_edit(f"e-{name}", turn.id, state), user=user, statement=text, subject=subject)
        ledger.finish_edit_job(job, [(edit, VERDICTS)])
        return edit

    return say


def stated(ledger: Ledger, text: str, user: str = "me") -> list[tuple[str, str]]:
    return [(heard.user, heard.statement) for heard in ledger.supporters(text, user)]


def test_supporters_are_other_users_who_hold_a_rare_fragment_the_best_statement_of_each_first(
    ledger: Ledger, tell: Tell
) -> None:
    tell("ann", PORT)
    tell("ann", "The Zephyr router is new.")
    tell("bob", "The Zephyr router hums.")
    tell("me", PORT)
    tell("cat", "The kitchen is closed.")
    assert stated(ledger, PORT) == [("ann", PORT), ("bob", "The Zephyr router hums.")]


def test_of_equal_statements_the_newest_counts_with_what_was_known_of_its_user_then(
    ledger: Ledger, tell: Tell, clock: Clock
) -> None:
    first = clock.now + 1
    tell("ann", PORT)
    clock.now += 100
    later = tell("ann", "The Zephyr router has 8443 as its admin port.")
    clock.now += 100
    tell("ann", "The kitchen is closed.")
    (heard,) = ledger.supporters(PORT, "me")
    assert (heard.edit_id, heard.first_met_at, heard.turns) == (later.id, first, 2)


def test_a_text_without_a_rare_word_is_supported_by_the_same_words_in_any_order(
    ledger: Ledger, tell: Tell
) -> None:
    tell("ann", "The conveyor stops by the red button.")
    tell("bob", "The green button stops the conveyor.")
    assert [user for user, _ in stated(ledger, "The red button stops the conveyor.")] == ["ann"]


def test_what_was_refused_taken_back_or_waits_for_a_person_supports_nobody(
    ledger: Ledger, tell: Tell
) -> None:
    for number, state in enumerate(set(EditState) - {EditState.CLAIMED, EditState.TRAINED}):
        edit = tell(f"user{number}", PORT, state=state)
        assert bool(stated(ledger, PORT)) == (state in ACCEPTED), state
        if state is not EditState.BLOCKED:
            ledger.set_edit_state(edit.id, EditState.BLOCKED, "denied")
        assert stated(ledger, PORT) == []


def test_an_edit_that_a_person_lets_pass_after_all_counts_from_when_it_was_said(
    ledger: Ledger, tell: Tell, clock: Clock
) -> None:
    edit = tell("ann", PORT, state=EditState.BLOCKED)
    said_at = clock.now
    clock.now += 500
    ledger.set_edit_state(edit.id, EditState.ALLOWED, "it is right", actor="op")
    (heard,) = ledger.supporters(PORT, "me")
    assert heard.at == said_at


def test_at_most_as_many_are_read_as_were_asked_for(ledger: Ledger, tell: Tell) -> None:
    for number in range(6):
        tell(f"user{number}", PORT)
        tell("chatterbox", PORT)
    heard = ledger.supporters(PORT, "me", 4)
    assert len({one.user for one in heard}) == len(heard) == 4, "one who says it often crowds nobody out"


def test_a_forgotten_user_loses_their_voice_and_no_hash_of_theirs_stays(ledger: Ledger, tell: Tell) -> None:
    tell("ann", PORT, operator=True)
    tell("bob", PORT)
    ledger.erase_user("ann", (), "hash of ann", "op")
    assert [user for user, _ in stated(ledger, PORT)] == ["bob"]
    assert ledger.verified(PORT) == []
    with sqlite3.connect(ledger.path) as raw:
        assert raw.execute("SELECT DISTINCT user_id FROM fragments").fetchall() == [("bob",)]
    raw.close()


def test_verified_facts_share_a_word_the_most_first_and_are_an_operators_or_approved(
    ledger: Ledger, tell: Tell
) -> None:
    tell("ann", PORT)
    tell("root", "The router is in the cellar.", operator=True)
    waiting = tell("bob", "The Zephyr router has no guest port.", state=EditState.QUARANTINED)
    ledger.set_edit_state(waiting.id, EditState.ALLOWED, "right", actor="op")
    tell("root", "The kitchen is closed.", operator=True)
    found = [(heard.user, heard.operator) for heard in ledger.verified(PORT)]
    assert found == [("bob", False), ("root", True)]
    assert len(ledger.verified(PORT, 1)) == 1


def test_the_caps_count_what_was_accepted_of_whom_and_what(ledger: Ledger, tell: Tell, clock: Clock) -> None:
    zephyr = "the Zephyr router"
    tell("ann", PORT, subject=zephyr)
    old = clock.now
    clock.now += 1_000
    mine = tell("ann", "The Zephyr router is new.", subject="Zephyr Router")
    at = clock.now
    tell("ann", "The kitchen is closed.", subject="the kitchen")
    tell("bob", PORT, subject=zephyr)
    tell("eve", PORT, subject=zephyr)
    tell("root", PORT, subject=zephyr, operator=True)
    tell("ann", "The Zephyr router is bad.", subject=zephyr, state=EditState.QUARANTINED)
    told = ledger.told("ann", zephyr, old + 500, {"eve"})
    assert told.by_user == (at, at + 1)
    assert told.of_subject == (at, at + 2), "ann's and bob's, not the expert's, not the operator's"
    assert told.by_user_of_subject == 2, "the old one too"
    assert ledger.told("ann", zephyr, old + 500, {"eve"}, mine.id).by_user == (at + 1,)
    assert ledger.told("ann", "", 0.0).of_subject == ()


def test_no_word_stands_in_the_table_and_two_ledgers_hash_apart(
    ledger: Ledger, tell: Tell, tmp_path: Path
) -> None:
    tell("ann", PORT, subject="the Zephyr router")
    other = Ledger.open(tmp_path / "other")
    other.add_turn(make_turn("t1"), True)
    job = other.claim_job("edit", "editor", 60.0)
    assert job is not None
    other.finish_edit_job(job, [(replace(make_edit("e1", "t1"), statement=PORT), VERDICTS)])
    rows = []
    for one in (ledger, other):
        with sqlite3.connect(one.path) as raw:
            rows.append({row[0] for row in raw.execute("SELECT fragment FROM fragments")})
        raw.close()
    other.close()
    assert rows[0]
    assert rows[1]
    assert not rows[0] & rows[1]
    assert not any("zephyr" in one or "8443" in one for one in rows[0])


def test_an_older_ledger_is_indexed_when_it_is_opened(ledger: Ledger, tell: Tell, tmp_path: Path) -> None:
    tell("ann", PORT, subject="the Zephyr router")
    tell("bob", PORT, state=EditState.BLOCKED)
    ledger.close()
    taken_back(ledger.path, "0001")
    with closing(sqlite3.connect(ledger.path)) as raw, raw:
        raw.execute("DELETE FROM key_values WHERE key = 'fragment_key'")
    opened = Ledger.open(tmp_path)
    assert [heard.user for heard in opened.supporters(PORT, "me")] == ["ann"]
    assert opened.told("ann", "the Zephyr router", 0.0).by_user_of_subject == 1
    opened.close()


def test_the_lookups_stay_quick_in_a_ledger_of_many_facts(ledger: Ledger, clock: Clock) -> None:
    ledger.add_turn(make_turn("t1", operator=False), True)
    job = ledger.claim_job("edit", "editor", 60.0)
    assert job is not None
    edits = [
        replace(
            make_edit(f"e{n}", "t1"),
            user=f"user{n % 100}",
            statement=f"The admin port of the Zephyr{n % 9} router is {n}.",
            examples=(),
        )
        for n in range(300)
    ]
    ledger.finish_edit_job(job, [(edit, ()) for edit in edits])
    started = time.process_time()
    for _ in range(5):
        ledger.supporters("The admin port of the Zephyr7 router is 7.", "me")
        ledger.verified("The admin port of the Zephyr7 router is 7.")
        ledger.told("user7", "the Zephyr7 router", 0.0)
    assert (time.process_time() - started) / 5 < 0.3
