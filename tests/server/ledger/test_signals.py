"""What users show of answers without saying it, derived once from each turn."""

from __future__ import annotations

import pytest

from server.ledger import Ledger
from server.ledger.shown import Shown, likeness, shown
from server.ledger.types import Units
from server.types import Arm, Message, Turn, TurnState
from tests.support.rows import make_turn

ASKED = "What is the admin port of the Zephyr router?"
GIVEN = "The admin port of the Zephyr router is 8443, reached over the management network."


def talk(*texts: str) -> tuple[Message, ...]:
    roles = ("user", "assistant")
    return tuple(Message(roles[n % 2], text) for n, text in enumerate(texts))  # type: ignore[arg-type]


def answered(turn_id: str, *texts: str, at: float = 1_000.0, **more: object) -> Turn:
    told: dict[str, object] = {"answer": GIVEN, "created_at": at, "operator": False, **more}
    return make_turn(turn_id, messages=talk(*texts), **told)


FIRST = answered("t1", ASKED)


@pytest.mark.parametrize(
    ("next_turn", "found"),
    [
        (answered("t2", ASKED), {Shown.REGENERATED}),
        (
            answered("t2", ASKED, GIVEN, f"{ASKED} Please?"),
            {Shown.REASKED},
        ),
        (answered("t2", ASKED, "No idea at all.", "And of the Boreas mill?"), {Shown.REWRITTEN}),
        (answered("t2", ASKED, "Ask Ben.", ASKED), {Shown.REWRITTEN, Shown.REASKED}),
        (answered("t2", ASKED, GIVEN + " ", "Thanks! And of the Boreas mill?"), set()),
        (answered("t2", ASKED, GIVEN.replace("8443", "8444"), "And of the Boreas mill?"), set()),
        (answered("t2", "Something else entirely?"), set()),
    ],
)
def test_a_later_message_shows_what_was_thought_of_the_answer(next_turn: Turn, found: set[Shown]) -> None:
    assert shown(FIRST, next_turn) == found


def test_a_retry_of_an_answer_that_never_came_shows_nothing() -> None:
    failed = answered("t1", ASKED, state=TurnState.FAILED)
    assert not shown(failed, answered("t2", ASKED))
    assert not shown(answered("t1", ASKED, answer=""), answered("t2", ASKED))


def test_likeness_is_of_words_and_stays_quick_on_long_texts() -> None:
    assert likeness("What IS the port", "what is the port") == 1
    assert likeness("one two three", "four five six") == 0
    assert likeness("word " * 100_000, "word " * 100_000) == 1


def test_signals_count_for_the_turn_that_gave_the_answer_its_version_and_arm(ledger: Ledger) -> None:
    assert ledger.derive_signals() == (0, {}), "what was there before is not read again"
    canary = {"version": "v2", "arm": Arm.CANARY, "rollout": "r1"}
    for number, (user, conversation) in enumerate([("ann", "c1"), ("ann", "c2"), ("bob", "c1")]):
        place = {"user": user, "conversation": conversation}
        ledger.add_turn(answered(f"a{number}", ASKED, at=10.0 * number, **place, **canary), False)
        again = answered(f"b{number}", ASKED, at=10.0 * number + 5, **place)
        ledger.add_turn(again, False)
    ledger.add_feedback("a0", "thumb", False)
    assert ledger.signals_due()
    assert ledger.derive_signals() == (6, {"regenerated": 3})
    assert not ledger.signals_due()
    assert {signal.turn_id for signal in ledger.signals("v2")} == {"a0", "a1", "a2"}
    counted = ledger.signal_units("v2", "r1")
    assert counted["regenerated"] == {Arm.CANARY: Units(3, 2, 3)}
    assert counted["answers"] == {Arm.CANARY: Units(3, 2, 3)}
    assert counted["objected"] == {Arm.CANARY: Units(1, 1, 1)}
    assert ledger.signal_units("v2", "r0") == {}


def test_each_turn_is_looked_at_once_however_the_steps_fall(ledger: Ledger) -> None:
    ledger.derive_signals()
    for number in range(7):
        ledger.add_turn(answered(f"t{number}", ASKED, at=float(number)), False)
    found = [ledger.derive_signals(limit=3) for _ in range(4)]
    assert [looked for looked, _ in found] == [3, 3, 1, 0]
    assert len(ledger.signals("v0")) == 6
    assert ledger.derive_signals() == (0, {})


def test_an_answer_that_took_long_is_not_passed_over(ledger: Ledger) -> None:
    ledger.derive_signals()
    ledger.add_turn(answered("quick", "Something else?", at=50.0), False)
    ledger.derive_signals()
    ledger.add_turn(answered("before", ASKED, at=10.0), False)
    ledger.add_turn(answered("slow", ASKED, at=20.0), False)
    assert ledger.derive_signals() == (2, {"regenerated": 1})


def test_hidden_turns_of_a_front_end_show_nothing_and_stand_in_nobodys_way(ledger: Ledger) -> None:
    ledger.derive_signals()
    hidden = {"state": TurnState.NOT_LEARNED, "reason": "hidden turn of a front-end: title"}
    ledger.add_turn(answered("t1", ASKED, at=1.0), False)
    ledger.add_turn(answered("title", ASKED, at=2.0, **hidden), False)
    ledger.add_turn(answered("t2", ASKED, at=3.0), False)
    assert ledger.derive_signals() == (3, {"regenerated": 1})
    assert [signal.turn_id for signal in ledger.signals("v0")] == ["t1"]


def test_another_users_turn_in_a_conversation_of_the_same_name_shows_nothing(ledger: Ledger) -> None:
    ledger.derive_signals()
    ledger.add_turn(answered("t1", ASKED, at=1.0, user="ann"), False)
    ledger.add_turn(answered("t2", ASKED, at=2.0, user="bob"), False)
    assert ledger.derive_signals() == (2, {})


def test_a_forgotten_users_signals_go_and_later_turns_are_still_looked_at(ledger: Ledger) -> None:
    ledger.derive_signals()
    for number in range(3):
        ledger.add_turn(answered(f"t{number}", ASKED, at=float(number), user="ben"), False)
    ledger.derive_signals()
    assert ledger.signals("v0")
    ledger.erase_user("ben", (), "x", "ann")
    assert ledger.signals("v0") == []
    for number in range(2):
        ledger.add_turn(answered(f"n{number}", ASKED, at=float(number), user="ann"), False)
    assert ledger.derive_signals() == (2, {"regenerated": 1})
