"""What /metrics shows; docs/metrics.md documents each, a test compares. No user is ever a label."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from server.api.rollout_metrics import RolloutMetrics

OVERHEAD_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1.0)
FIRST_TOKEN_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The figures of one API process, in a registry of their own; other parts may add theirs to it."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        r = self.registry
        self.requests = Counter(
            "livegraft_requests", "Requests by route and status code", ("route", "code"), registry=r
        )
        self.overhead_seconds = Histogram(
            "livegraft_overhead_seconds",
            "What API, router and durable ledger add to a chat answer",
            buckets=OVERHEAD_BUCKETS,
            registry=r,
        )
        self.first_token_seconds = Histogram(
            "livegraft_first_token_seconds",
            "From the request's arrival to the first token",
            ("arm",),
            buckets=FIRST_TOKEN_BUCKETS,
            registry=r,
        )
        self.inter_token_p99 = Gauge(
            "livegraft_inter_token_p99_seconds",
            "99th percentile of the time between two tokens over the last ten seconds",
            registry=r,
        )
        self.tokens = Counter("livegraft_tokens", "Tokens of prompts and answers", ("kind",), registry=r)
        self.turns = Counter("livegraft_turns", "Turns by state and arm", ("state", "arm"), registry=r)
        self.turns_unrecorded = Counter(
            "livegraft_turns_unrecorded", "Answers given though the ledger could not record them", registry=r
        )
        self.canary_fallbacks = Counter(
            "livegraft_canary_fallbacks", "Requests answered by stable because the canary failed", registry=r
        )
        self.verdicts = Counter(
            "livegraft_guardian_checks", "Verdicts asked over HTTP, by decision", ("decision",), registry=r
        )
        self.feedback = Counter(
            "livegraft_feedback", "Feedback received, by what it is", ("kind",), registry=r
        )
        self.signals = Counter(
            "livegraft_signals", "What users showed of answers without saying it", ("kind",), registry=r
        )
        self.events = Counter("livegraft_events", "Events sent to watchers", ("kind",), registry=r)
        self.watchers = Gauge("livegraft_event_watchers", "Open streams of events", registry=r)
        self.watchers_now = 0
        self.audit_rows = Gauge("livegraft_audit_rows", "Rows of the audit's chain", registry=r)
        self.engine_running = Gauge("livegraft_engine_running", "Answers being generated now", registry=r)
        self.engine_waiting = Gauge("livegraft_engine_waiting", "Requests waiting for a slot", registry=r)
        self.engine_retries = Gauge(
            "livegraft_engine_retries", "Requests that had not begun and were asked again", registry=r
        )
        self.replica_ready = _per_replica(r, "ready", "1 when the replica can be asked")
        self.replica_running = _per_replica(r, "running", "Requests under way at the replica")
        self.replica_restarts = _per_replica(r, "restarts", "How often the replica came back")
        self.replica_adapters_lost = _per_replica(r, "adapters_lost", "Adapters that had to be loaded again")
        self.edits_pending = Gauge("livegraft_edits_pending", "Facts waiting for an update", registry=r)
        self.reviews_waiting = Gauge(
            "livegraft_reviews_waiting", "Self-edits that wait for a person", registry=r
        )
        self.reviews_oldest = Gauge(
            "livegraft_reviews_oldest_seconds", "How long the oldest of them has waited", registry=r
        )
        self.reviews_expired = Gauge(
            "livegraft_reviews_expired", "Self-edits denied because nobody looked in time", registry=r
        )
        self.spot_checks_open = Gauge(
            "livegraft_spot_checks_open", "Allowed self-edits that somebody should look at", registry=r
        )
        self.canary_weight = Gauge("livegraft_canary_weight", "Share of users shown the canary", registry=r)
        self.rollout = RolloutMetrics(r)
        self.guardian_resident = Gauge(
            "livegraft_guardian_resident_bytes", "Memory of the guardian's own process", registry=r
        )
        self.guardian_restarts = Gauge(
            "livegraft_guardian_restarts",
            "How often the guardian's process had to be started again",
            registry=r,
        )
        self.alarms = Gauge("livegraft_alarms", "Alarms that an operator should look at", registry=r)
        self.ready = Gauge("livegraft_ready", "1 when chat can be served", registry=r)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count a watcher of the events while it reads."""
        self.watchers_now += 1
        self.watchers.set(self.watchers_now)
        try:
            yield
        finally:
            self.watchers_now -= 1
            self.watchers.set(self.watchers_now)


def _per_replica(registry: CollectorRegistry, name: str, documentation: str) -> Gauge:
    """A gauge of the vllm engine; without replicas it shows nothing."""
    return Gauge(f"livegraft_replica_{name}", documentation, ("replica",), registry=registry)
