"""The live rollout in numbers for /metrics: what GET /v1/rollout tells; without a rollout nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Gauge


class RolloutMetrics:
    """Gauges of one rollout at a time; every server process reads the same from the ledger."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, documentation: str, *labels: str) -> Gauge:
            return Gauge(f"livegraft_rollout_{name}", documentation, labels, registry=registry)

        self.ended = Gauge("livegraft_rollouts", "Rollouts, ever, by state", ("state",), registry=registry)
        self.weight = gauge("weight", "Share of users that are to meet the canary, and that do", "kind")
        self.users = gauge("users", "Users met who can be told apart, by arm", "arm")
        self.conversations = gauge("conversations", "Conversations with the canary in this step", "kind")
        self.seconds = gauge("seconds", "Time in this step and left of it", "kind")
        self.e_value = gauge("e_value", "Evidence of harm, or of a broken split, by test", "test")
        self.paired = gauge(
            "paired", "Better less worse answers, with its confidence sequence", "kind", "bound"
        )
        self.pairs = gauge("pairs", "Paired answers by what the canary's was", "kind", "outcome")
        self.drift = gauge("drift_nats", "Divergence from stable a token, and what is let pass", "kind")
        self.decision = gauge("decision", "1 for what the rule says now", "state", "action", "cause")
        self._live = (
            self.weight, self.users, self.conversations, self.seconds, self.e_value, self.paired, self.pairs,
            self.drift, self.decision,
        )  # fmt: skip

    def show(self, state: str, weight: float, told: Mapping[str, Any] | None) -> None:
        """Set all to a report of server.rollout.report; None clears them."""
        for gauge in self._live:
            gauge.clear()
        if told is None:
            return
        self.weight.labels("set").set(weight)
        if told["real_weight"] is not None:
            self.weight.labels("real").set(told["real_weight"])
        self._show_units(told)
        self._show_tests(told)
        decision = told["decision"]
        self.decision.labels(state, decision["action"], decision["cause"]).set(1)

    def _show_units(self, told: Mapping[str, Any]) -> None:
        units = told["units"]
        self.users.labels("canary").set(units["users_on_canary"])
        self.users.labels("stable").set(units["users"] - units["users_on_canary"])
        self.conversations.labels("met").set(units["conversations_in_step"])
        self.conversations.labels("needed").set(units["conversations_needed"])
        self.seconds.labels("in_step").set(told["seconds_in_step"])
        self.seconds.labels("left").set(told["seconds_left"])

    def _show_tests(self, told: Mapping[str, Any]) -> None:
        guardrails = told["guardrails"]
        self.e_value.labels("guardrails").set(guardrails["e_value"])
        for name, found in guardrails["each"].items():
            self.e_value.labels(name).set(found["e_value"])
        self.e_value.labels("mismatch").set(told["mismatch_e_value"])
        self.e_value.labels("paired").set(told["paired"]["all"]["e_value"])
        for kind, pairs in told["paired"].items():
            if pairs is None:
                continue
            for bound in ("lower", "mean", "upper"):
                self.paired.labels(kind, bound).set(pairs[bound])
            for outcome in ("worse", "same", "better"):
                self.pairs.labels(kind, outcome).set(pairs[outcome])
        drift = told["drift"]
        if drift["nats"] is not None:
            self.drift.labels("measured").set(drift["nats"])
            self.drift.labels("limit").set(drift["limit_nats"])
