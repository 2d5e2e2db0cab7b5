"""The live rollout in a terminal: from a report of the rule itself."""

from __future__ import annotations

from dataclasses import replace

from server.ledger.evidence import Counted
from server.ledger.tally import Split
from server.ledger.types import RolloutCounts
from server.rollout import RolloutPolicy, report
from server.terminal.rollout import lines
from server.types import Rollout

ROLLOUT = Rollout("r-1", "v2", "salt", 0.2, "canary", 1000.0, step_at=1060.0)
STORED = Counted(
    splits={
        "met": (Split(0.2, 11, 39),),
        "thumbs_down": (Split(0.2, 2, 1),),
        "any": (Split(0.2, 2, 1),),
        f"talks since {ROLLOUT.step_at:.3f}": (Split(1.0, 7, 0),),
    },
    state={"pairs": {"replay": [1, 97, 2]}, "drift": [0.1, 0.3]},
)


def told(policy: RolloutPolicy, counts: RolloutCounts, stored: Counted = STORED) -> dict[str, str]:
    found = report(policy, ROLLOUT, stored, (11, 50), [], now=1100.0)
    body = {
        "state": ROLLOUT.state,
        "weight": ROLLOUT.weight,
        "evidence": {name: getattr(counts, name) for name in RolloutCounts.__slots__},
        **found,
    }
    return dict(lines(body))


def test_a_rollout_on_evidence_shows_weights_units_tests_intervals_time_and_why_it_holds() -> None:
    shown = told(RolloutPolicy(mode="evidence", dwell_seconds=100), RolloutCounts(30, 0, 2))
    assert shown["rollout"].startswith("canary at 20% (of those met 22.0%) of 5%, 20%, 50%, 100%")
    assert "40 s in this step, 60 s left" in shown["rollout"]
    assert shown["users"] == ("11 of 50 met the canary, 7 of 20 conversations in this step, 2 users objected")
    assert "withdrawn from 40" in shown["guardrails"]
    assert "(2 on the canary, 1 on stable)" in shown["guardrails"]
    assert shown["pairs, replay"].startswith("1 worse, 97 the same, 2 better; better less worse +0.010")
    assert "pairs, probes" not in shown, "nothing was asked"
    assert shown["drift"] == "0.200 nats a token, 2 let pass"
    assert "hold" in shown["now"]


def test_a_quick_rollout_shows_counts_and_what_it_waits_for() -> None:
    shown = told(RolloutPolicy(auto_promote=False), RolloutCounts(30, 1, 0), replace(STORED, state={}))
    assert shown["users"] == "30 answers of the canary, 1 failed"
    assert "guardrails" not in shown
    assert (
        "operator"
        in told(RolloutPolicy(auto_promote=False, max_failed_turns=9), RolloutCounts(3, 1, 0))["now"]
    )


def test_without_a_rollout_nothing_is_shown() -> None:
    assert list(lines({"state": "none", "reason": ""})) == []
    assert list(lines({"state": "none", "reason": "v2 waits"})) == [("rollout", "v2 waits")]
