from __future__ import annotations

from pathlib import Path

from server.ledger import Ledger, audit
from tests.support.rows import Clock, make_turn


def test_one_owner_holds_a_lease_until_it_runs_out_or_is_let_go(ledger: Ledger, clock: Clock) -> None:
    assert ledger.acquire_lease("rollout", "one", 10.0)
    assert not ledger.acquire_lease("rollout", "two", 10.0)
    clock.now += 9
    assert ledger.acquire_lease("rollout", "one", 10.0), "renewed in time"
    clock.now += 9
    assert not ledger.acquire_lease("rollout", "two", 10.0)
    clock.now += 2
    assert ledger.acquire_lease("rollout", "two", 10.0)
    assert not ledger.acquire_lease("rollout", "one", 10.0)
    ledger.release_lease("rollout", "one")
    assert not ledger.acquire_lease("rollout", "one", 10.0), "somebody else's lease is not let go"
    ledger.release_lease("rollout", "two")
    assert ledger.acquire_lease("rollout", "one", 10.0)


def test_a_lease_from_before_the_clock_was_set_back_holds_nobody_up(ledger: Ledger, clock: Clock) -> None:
    assert ledger.acquire_lease("rollout", "one", 10.0)
    clock.now -= 86_400
    assert ledger.acquire_lease("rollout", "two", 10.0), "its owner may be gone"
    assert not ledger.acquire_lease("rollout", "one", 10.0)
    clock.now -= 86_400
    assert ledger.acquire_lease("rollout", "two", 10.0), "the owner renews it by the new time"
    clock.now += 9
    assert not ledger.acquire_lease("rollout", "one", 10.0)


def test_learning_is_paused_for_all_processes_and_over_restarts(tmp_path: Path) -> None:
    one, two = Ledger.open(tmp_path), Ledger.open(tmp_path)
    assert not two.paused()
    one.set_paused(True, "ann", "maintenance")
    assert two.paused()
    one.close()
    two.close()
    again = Ledger.open(tmp_path)
    assert again.paused()
    assert again.audit()[0].reason == "maintenance"
    again.close()


def test_the_learners_status_is_what_it_said_last(ledger: Ledger) -> None:
    assert ledger.learner_status() == {}
    ledger.set_learner_status({"state": "training", "fraction": 0.5})
    ledger.set_learner_status({"state": "idle"})
    assert ledger.learner_status() == {"state": "idle"}


def test_watchers_read_on_from_where_they_were(ledger: Ledger) -> None:
    start = ledger.last_event_id()
    ledger.add_turn(make_turn("t1"), True)
    ledger.add_turn(make_turn("t2"), True)
    first, second = ledger.events_since(start)
    assert (first.kind, first.subject, second.subject) == ("turn", "t1", "t2")
    assert ledger.events_since(first.id) == [second]
    assert ledger.events_since(ledger.last_event_id()) == []


def test_old_events_are_forgotten_and_their_ids_never_come_again(ledger: Ledger) -> None:
    for number in range(5):
        ledger.add_turn(make_turn(f"t{number}"), False)
    last = ledger.last_event_id()
    assert ledger.write(lambda tx: audit.forget_events(tx, keep=0)) == 5
    ledger.add_turn(make_turn("t9"), False)
    (event,) = ledger.events_since(0)
    assert event.id == last + 1
