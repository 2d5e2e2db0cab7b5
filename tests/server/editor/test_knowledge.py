"""What the guardian is told of a speaker and a statement, from a real ledger, and what it then decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from guardian import Guardian, Known, Policy, Tier
from server.editor.judge import judge
from server.editor.knowledge import Background, Knowledge, Said
from server.editor.loop import EditorLoop
from server.engine.fake import FakeEngine
from server.ledger import Ledger
from server.types import EditState, SelfEdit, Turn
from tests.server.editor.test_judge import ASKED, edit_of
from tests.support.editor import PORT
from tests.support.rows import VERDICTS, Clock

DAY = 86_400.0
TURNED = "The Zephyr router's admin port is 8443."
OTHERWISE = "8443 is the admin port of the Zephyr router."
POLICY = Policy(global_from="quorum", established_after_turns=1, established_after_seconds=DAY)
Told = Callable[..., Turn]
State = Callable[[str, str], SelfEdit]


@pytest.fixture
def state(ledger: Ledger, clock: Clock, told: Told) -> State:
    """A user who has been known for two days states a fact, which is kept for memory."""

    def say(user: str, text: str) -> SelfEdit:
        ledger.add_turn(told("Hi!", f"hi-{user}", user=user, operator=False, created_at=clock.now), False)
        clock.now += 2 * DAY
        turn = told(text, f"t-{user}", user=user, operator=False, created_at=clock.now)
        ledger.add_turn(turn, True)
        job = ledger.claim_job("edit", "editor", 60.0)
        assert job is not None
        edit = replace(edit_of(text), id=f"e-{user}", turn_id=turn.id, user=user)
        ledger.finish_edit_job(job, [(replace(edit, state=EditState.MEMORY_ONLY), VERDICTS)])
        return edit

    return say


@pytest.fixture(scope="module")
def strict() -> Guardian:
    return Guardian(POLICY)


def judged_of(ledger: Ledger, guardian: Guardian, edit: SelfEdit, turn: Turn) -> SelfEdit:
    background = Knowledge(ledger, guardian.policy).of_edit(edit, turn)
    return judge(guardian, edit, turn, background).edit


def third(ledger: Ledger, clock: Clock, told: Told, text: str = PORT) -> tuple[SelfEdit, Turn]:
    """Somebody known for two days says it too; not stored yet."""
    ledger.add_turn(told("Hi!", "hi-cat", user="cat", operator=False, created_at=clock.now - 2 * DAY), False)
    turn = told(text, "t-cat", user="cat", operator=False, created_at=clock.now)
    ledger.add_turn(turn, False)
    edit = replace(edit_of(text, ASKED), id="e-cat", turn_id=turn.id, user="cat")
    return edit, turn


def test_the_third_of_three_users_makes_a_fact_everybodys(
    ledger: Ledger, clock: Clock, told: Told, state: State, strict: Guardian
) -> None:
    state("ann", TURNED)
    alone = judged_of(ledger, strict, *third(ledger, clock, told))
    assert alone.state is EditState.MEMORY_ONLY
    assert "2 of 3 users" in alone.reason
    state("bob", PORT)
    clock.now += 2 * DAY
    edit, turn = third(ledger, clock, told)
    assert judged_of(ledger, strict, edit, replace(turn, created_at=clock.now)).state is EditState.ALLOWED


def test_a_forgotten_user_has_no_voice_any_more(
    ledger: Ledger, clock: Clock, told: Told, state: State, strict: Guardian
) -> None:
    state("ann", TURNED)
    state("bob", PORT)
    clock.now += 2 * DAY
    edit, turn = third(ledger, clock, told)
    assert judged_of(ledger, strict, edit, turn).state is EditState.ALLOWED
    ledger.erase_user("bob", (), "hash of bob", "op")
    left = judged_of(ledger, strict, edit, turn)
    assert left.state is EditState.MEMORY_ONLY
    assert "2 of 3 users" in left.reason


def test_accounts_that_send_copies_in_a_day_are_one_voice(
    ledger: Ledger, clock: Clock, told: Told, strict: Guardian
) -> None:
    for bot in ("bot1", "bot2", "bot3"):
        ledger.add_turn(told("Hi!", f"hi-{bot}", user=bot, operator=False, created_at=1.0), False)
    clock.now += 3 * DAY
    for bot in ("bot1", "bot2", "bot3"):
        turn = told(PORT, f"t-{bot}", user=bot, operator=False, created_at=clock.now)
        ledger.add_turn(turn, True)
        job = ledger.claim_job("edit", "editor", 60.0)
        assert job is not None
        edit = replace(edit_of(PORT), id=f"e-{bot}", turn_id=turn.id, user=bot)
        judged = judged_of(ledger, strict, edit, turn)
        assert judged.state is EditState.MEMORY_ONLY
        ledger.finish_edit_job(job, [(judged, VERDICTS)])
    edit, turn = third(ledger, clock, told)
    judged = judged_of(ledger, strict, edit, turn)
    assert "1 of 3 users" in judged.reason
    assert "4 accounts, of which 3 sent near copies" in judged.reason


def test_a_new_and_an_anonymous_user_and_an_expert(ledger: Ledger, told: Told, strict: Guardian) -> None:
    for user, outcome in (("zoe", EditState.MEMORY_ONLY), ("anonymous", EditState.BLOCKED)):
        turn = told(PORT, f"t-{user}", user=user, operator=False)
        ledger.add_turn(turn, False)
        assert judged_of(ledger, strict, replace(edit_of(PORT), user=user), turn).state is outcome
    expert = Guardian(replace(POLICY, experts=frozenset({"zoe"})))
    edit = replace(edit_of(PORT), user="zoe")
    turn = told(PORT, "t-zoe", user="zoe", operator=False)
    assert judged_of(ledger, expert, edit, turn).state is EditState.ALLOWED


def test_under_everyone_a_new_user_is_not_narrowed(ledger: Ledger, told: Told, guardian: Guardian) -> None:
    turn = told(PORT, user="zoe", operator=False)
    assert judged_of(ledger, guardian, replace(edit_of(PORT), user="zoe"), turn).state is EditState.ALLOWED


def test_the_facts_of_one_turn_are_counted_with_each_other(ledger: Ledger, told: Told) -> None:
    turn = told(PORT, operator=False)
    first = replace(edit_of(PORT), id="first")
    waiting = replace(edit_of(PORT), id="second", state=EditState.QUARANTINED)
    known = Knowledge(ledger, Policy()).of_edit(edit_of(PORT), turn, [first, first, waiting]).known
    counts = (known.told_by_user, known.told_of_subject, known.told_by_user_of_subject)
    assert counts == (2, 2, 2)


def test_a_cap_says_when_enough_has_left_the_window(ledger: Ledger, clock: Clock, state: State) -> None:
    policy = replace(POLICY, max_facts_per_user=1, max_facts_per_subject=1)
    state("ann", PORT)
    said = Said(PORT, "ann", False, clock.now, "the Zephyr router")
    told_at = clock.now
    clock.now += 100
    known = Knowledge(ledger, policy).of(said).known
    assert (known.told_by_user, known.user_frees_at) == (1, told_at + policy.caps_window_seconds)
    assert known.subject_frees_at == told_at + policy.caps_window_seconds
    clock.now = known.user_frees_at + 1
    later = Knowledge(ledger, policy).of(said).known
    assert (later.told_by_user, later.user_frees_at, later.told_by_user_of_subject) == (0, 0.0, 1)


async def test_the_editor_asks_the_ledger_and_a_drip_of_facts_of_one_subject_ends_with_a_person(
    ledger: Ledger, engine: FakeEngine, clock: Clock, told: Told
) -> None:
    guardian = Guardian(Policy(max_facts_per_user_subject=2))
    loop = EditorLoop(ledger, engine, guardian)
    for number, what in enumerate(("admin port", "guest port", "debug port")):
        clock.now += 30 * DAY
        text = f"The {what} of the Zephyr router is {8443 + number}."
        turn = told(text, f"t{number}", user="mal", operator=False, created_at=clock.now)
        ledger.add_turn(turn, True)
        await loop.step()
    states = [ledger.edits(f"t{number}")[0].state for number in range(3)]
    assert states == [EditState.ALLOWED, EditState.ALLOWED, EditState.QUARANTINED]
    assert "max_facts_per_user_subject" in ledger.edits("t2")[0].reason


def test_without_a_ledger_nothing_is_known_of_anybody(told: Told) -> None:
    assert Background.alone(told(PORT)) == Background(Tier.OPERATOR, Known())
    assert Background.alone(told(PORT, operator=False)).tier is Tier.ESTABLISHED
