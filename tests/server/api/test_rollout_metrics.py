"""The rollout in /metrics: there while there is one, gone after, from a report of the rule itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from server.api.rollout_metrics import RolloutMetrics
from server.ledger.evidence import Counted
from server.ledger.tally import Split
from server.rollout import RolloutPolicy, report
from server.types import Rollout
from tests.support.http_server import Live

NAMED = "livegraft_rollout_weight"


def test_a_live_rollout_is_in_the_metrics_and_one_that_has_ended_is_only_counted(live: Live) -> None:
    http = live.http()
    assert NAMED not in _samples(http.get("/metrics").text)
    live.show(live.learn())
    text = http.get("/metrics").text
    assert f'{NAMED}{{kind="set"}} 1.0' in text
    assert 'livegraft_rollout_decision{action="hold",cause="operator",state="canary"} 1.0' in text
    assert 'livegraft_rollouts{state="canary"} 1.0' in text
    http.post("/v1/rollout/abort", json={"reason": "no"})
    text = http.get("/metrics").text
    assert NAMED not in _samples(text)
    assert 'livegraft_rollouts{state="aborted"} 1.0' in text


def test_the_evidence_of_a_rollout_is_in_numbers() -> None:
    rollout = Rollout("r-1", "v2", "salt", 0.2, "canary", 1000.0, step_at=1060.0)
    splits = {"met": (Split(0.2, 11, 39),), "refused": (Split(0.2, 5, 1),)}
    stored = Counted(splits=splits, state={"pairs": {"replay": [1, 97, 2]}, "drift": [0.2]})
    policy = RolloutPolicy(mode="evidence", dwell_seconds=100)
    registry = CollectorRegistry()
    shown = RolloutMetrics(registry)
    told = report(policy, rollout, stored, (11, 50), [], now=1100.0)
    shown.show(rollout.state, rollout.weight, told)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"livegraft_rollout_{name}", labels)

    assert (value("weight", kind="set"), value("weight", kind="real")) == (0.2, 0.22)
    assert (value("users", arm="canary"), value("users", arm="stable")) == (11, 39)
    assert (value("seconds", kind="in_step"), value("seconds", kind="left")) == (40, 60)
    assert value("e_value", test="refused") == told["guardrails"]["each"]["refused"]["e_value"] > 1
    assert value("e_value", test="guardrails") == told["guardrails"]["e_value"]
    assert value("e_value", test="mismatch") == told["mismatch_e_value"]
    assert value("paired", kind="replay", bound="mean") == 0.01
    assert value("pairs", kind="replay", outcome="same") == 97
    assert value("paired", kind="target", bound="mean") is None, "it learned no facts"
    assert (value("drift_nats", kind="measured"), value("drift_nats", kind="limit")) == (0.2, 2.0)
    shown.show("", 0.0, None)
    assert value("weight", kind="set") is None


def _samples(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))
