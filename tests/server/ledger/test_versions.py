from __future__ import annotations

from collections.abc import Callable

import pytest

from server.ledger import Claim, Ledger, UnknownDelta, UnknownVersion, VersionTaken
from server.types import EditState
from tests.support.rows import make_version

Add = Callable[[str], None]
Train = Callable[..., Claim]


@pytest.fixture
def two(ledger: Ledger, learned: Add, train: Train) -> None:
    """v1 carries e-a, v2 on top of it e-b; v2 is stable."""
    learned("a")
    train("v1")
    learned("b")
    train("v2", "v1")
    ledger.move_ref("stable", "v0", "v2", "test", "start")


def test_versions_are_listed_oldest_first_and_the_base_is_not_among_them(ledger: Ledger, two: None) -> None:
    assert [(row.name, row.parent) for row in ledger.versions()] == [("v1", "v0"), ("v2", "v1")]
    assert ledger.version("v2").deltas == ("delta of v1", "delta of v2")
    assert ledger.next_version_name() == "v3"
    for name in ("v0", "v7", "latest"):
        with pytest.raises(UnknownVersion, match=name):
            ledger.version(name)


def test_the_tenth_version_comes_after_the_ninth(ledger: Ledger, two: None) -> None:
    for number in range(3, 12):
        ledger.add_version(make_version(f"v{number}", ("delta of v1",)))
    assert [row.name for row in ledger.versions()][-3:] == ["v9", "v10", "v11"]
    assert ledger.next_version_name() == "v12"


def test_a_version_without_one_delta_is_made_of_deltas_that_exist(ledger: Ledger, two: None) -> None:
    ledger.add_version(make_version("v3", ("delta of v2",), "v2"), "ann", "revoked")
    assert ledger.version("v3").deltas == ("delta of v2",)
    assert (ledger.audit()[0].action, ledger.audit()[0].subject) == ("version", "v3")
    with pytest.raises(UnknownDelta, match="nowhere"):
        ledger.add_version(make_version("v4", ("nowhere",)))
    with pytest.raises(VersionTaken, match="v3 exists already"):
        ledger.add_version(make_version("v3", ()))
    with pytest.raises(UnknownDelta):
        ledger.delta("nowhere")


def test_after_a_rollback_the_removed_deltas_edits_are_quarantined_and_not_relearned(
    ledger: Ledger, two: None
) -> None:
    ledger.move_ref("stable", "v2", "v1", "ann", "wrong")
    assert ledger.quarantine_edits_of(["delta of v2"], "rolled back: wrong", "ann") == ["e-b"]
    assert [edit.id for edit in ledger.edits_in(EditState.QUARANTINED)] == ["e-b"]
    assert ledger.edit("e-a").state is EditState.TRAINED
    assert ledger.claim_edits("learner", 30.0, 8) is None
    assert (ledger.audit()[0].action, ledger.audit()[0].evidence) == ("edits", {"edits": ["e-b"]})


def test_edits_that_stable_still_carries_are_left_alone(ledger: Ledger, two: None) -> None:
    assert ledger.quarantine_edits_of(["delta of v2"], "too early") == []
    assert ledger.edit("e-b").state is EditState.TRAINED


def test_the_edits_of_a_revoked_delta_can_be_marked_so(ledger: Ledger, two: None) -> None:
    ledger.add_version(make_version("v3", ("delta of v2",), "v2"))
    ledger.move_ref("stable", "v2", "v3", "ann", "revoked")
    assert ledger.set_edits_of(["delta of v1"], EditState.REVOKED, "revoked by ann") == ["e-a"]
    assert ledger.trained_edits(ledger.version("v3")) == [ledger.edit("e-b")]
    assert ledger.trained_edits(ledger.version("v1")) == []
