from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from server.ledger import Claim, Ledger, NoRollout, RefMoved, RolloutRunning, UnknownVersion
from server.types import Refs, Rollout
from tests.support.rows import Clock, make_version


@pytest.fixture(autouse=True)
def versions(learned: Callable[[str], None], train: Callable[..., Claim], ledger: Ledger) -> None:
    """v1, v2 and v3."""
    learned("a")
    train("v1")
    for name in ("v2", "v3"):
        ledger.add_version(make_version(name, ("delta of v1",), "v1"))


def make_rollout(rollout_id: str = "r1", version: str = "v1") -> Rollout:
    return Rollout(rollout_id, version, "salt", 0.2, "canary", 1_000.0)


def test_a_new_ledger_serves_the_base(ledger: Ledger) -> None:
    assert ledger.refs() == Refs("v0", None)
    assert ledger.previous_stable() is None
    assert ledger.versions_shown() == frozenset()


def test_a_ref_moves_with_its_audit_row_or_not_at_all(ledger: Ledger, clock: Clock) -> None:
    assert ledger.move_ref("stable", "v0", "v1", "ann", "looks good", {"gate": True}) == Refs("v1", None)
    before = ledger.audit()
    with pytest.raises(RefMoved, match="stable names v1, not v0"):
        ledger.move_ref("stable", "v0", "v2", "bob", "me too")
    with pytest.raises(UnknownVersion, match="'v9'"):
        ledger.move_ref("stable", "v1", "v9", "bob", "nowhere")
    with pytest.raises(UnknownVersion):
        ledger.move_ref("stable", "v1", None, "bob", "nothing")
    assert ledger.refs() == Refs("v1", None)
    assert ledger.audit() == before
    (row,) = before
    assert (row.at, row.actor, row.action, row.subject) == (clock.now, "ann", "move_ref", "stable")
    assert (row.before, row.after, row.reason, row.evidence) == ("v0", "v1", "looks good", {"gate": True})


def test_of_many_who_move_a_ref_at_once_one_wins(ledger: Ledger) -> None:
    lost: list[str] = []

    def move(name: str) -> None:
        try:
            ledger.move_ref("canary", None, name, name, "race")
        except RefMoved:
            lost.append(name)

    threads = [threading.Thread(target=move, args=(name,)) for name in ("v1", "v2", "v3")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lost) == 2
    assert ledger.refs().canary not in lost
    assert len(ledger.audit()) == 1


def test_rolling_back_goes_further_back_each_time_and_never_forth(ledger: Ledger) -> None:
    def to(new: str) -> None:
        ledger.move_ref("stable", ledger.refs().stable, new, "ann", "")

    for name in ("v1", "v2", "v3"):
        to(name)
    found = []
    for _ in range(3):
        previous = ledger.previous_stable()
        assert previous is not None
        found.append(previous)
        to(previous)
    assert found == ["v2", "v1", "v0"]
    assert ledger.previous_stable() is None


def test_a_rollout_moves_the_refs_as_it_starts_and_ends(ledger: Ledger) -> None:
    assert ledger.rollout() is None
    started = ledger.start_rollout(make_rollout(), "rollout", "the gate accepted it")
    assert (started.version, started.weight, started.reason) == ("v1", 0.2, "the gate accepted it")
    assert ledger.refs() == Refs("v0", "v1")
    assert ledger.rollout() == started

    ended = ledger.end_rollout("r1", "promoted", "rollout", "no incident", {"turns": 30})
    assert ended.state == "promoted"
    assert ledger.refs() == Refs("v1", None)
    assert ledger.rollout() is None
    assert [rollout.id for rollout in ledger.rollouts()] == ["r1"]
    actions = [(row.action, row.before, row.after) for row in reversed(ledger.audit())]
    assert actions == [
        ("move_ref", None, "v1"),
        ("start_rollout", None, "v1"),
        ("move_ref", "v0", "v1"),
        ("move_ref", "v1", None),
        ("end_rollout", "canary", "promoted"),
    ]


def test_an_aborted_rollout_leaves_stable_alone(ledger: Ledger) -> None:
    ledger.start_rollout(make_rollout(), "rollout", "")
    ledger.end_rollout("r1", "aborted", "ann", "users objected")
    assert ledger.refs() == Refs("v0", None)
    assert ledger.versions_shown() == {"v1"}


def test_one_rollout_runs_at_a_time(ledger: Ledger) -> None:
    ledger.start_rollout(make_rollout(), "rollout", "")
    with pytest.raises(RolloutRunning, match="v1 is being shown"):
        ledger.start_rollout(make_rollout("r2", "v2"), "rollout", "")
    assert ledger.refs().canary == "v1"
    with pytest.raises(NoRollout, match="r2"):
        ledger.end_rollout("r2", "aborted", "ann", "")


def test_a_rollout_is_held_and_widened_with_audit(ledger: Ledger) -> None:
    ledger.start_rollout(make_rollout(), "rollout", "")
    held = ledger.update_rollout("r1", None, "held", "ann", "a holiday")
    assert (held.state, held.weight) == ("held", 0.2)
    wider = ledger.update_rollout("r1", 0.5, "canary", "ann", "going on")
    assert (wider.state, wider.weight, ledger.rollout()) == ("canary", 0.5, wider)
    assert [(row.before, row.after) for row in ledger.audit(2)] == [
        ("held 0.2", "canary 0.5"),
        ("canary 0.2", "held 0.2"),
    ]
    with pytest.raises(NoRollout):
        ledger.update_rollout("r1", None, "promoted", "ann", "")


def test_refs_that_are_there_already_are_not_moved_again(ledger: Ledger) -> None:
    ledger.move_ref("canary", None, "v1", "ann", "by hand")
    ledger.start_rollout(make_rollout(), "rollout", "")
    ledger.move_ref("stable", "v0", "v1", "ann", "by hand")
    ledger.end_rollout("r1", "promoted", "rollout", "")
    assert ledger.refs() == Refs("v1", None)


def test_a_rollback_of_several_moves_is_one_transaction(ledger: Ledger) -> None:
    ledger.start_rollout(make_rollout(), "rollout", "")

    def roll_back() -> None:
        ledger.end_rollout("r1", "aborted", "ann", "bad")
        ledger.move_ref("stable", "v5", "v0", "ann", "bad")

    with pytest.raises(RefMoved):
        ledger.write(lambda tx: roll_back())
    assert ledger.refs().canary == "v1"
    assert ledger.rollout() is not None
