"""How an update that made no version ended."""

from __future__ import annotations

from server.learner import record
from server.learner.types import GateReport, UpdateResult
from server.types import UpdateState


def test_an_update_of_which_one_fact_was_known_and_the_others_were_refused_says_what_refused_them() -> None:
    report = GateReport(False, "safety 1 of 2, 2 needed", {})
    trained = UpdateResult(None, report, known=("one",), steps=88)
    assert record.refusal(trained) == (UpdateState.REJECTED, "safety 1 of 2, 2 needed")


def test_an_update_whose_facts_were_all_known_had_nothing_to_do() -> None:
    report = GateReport(False, "the parent knows every fact already", {})
    state, reason = record.refusal(UpdateResult(None, report, known=("one",)))
    assert state is UpdateState.NOTHING_TO_DO
    assert reason == "the model knew every fact already"
