"""Policy and evidence as JSON and back, so that any stored decision can be made again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from server.ledger.evidence import Decided
from server.ledger.tally import Split
from server.rollout.anytime import Pairs
from server.rollout.rule import decide
from server.rollout.types import Decision, Evidence, RolloutPolicy


def decided(policy: RolloutPolicy, evidence: Evidence, decision: Decision, at: float) -> Decided:
    """A decision with all that it was made from."""
    return Decided(
        at=at,
        action=decision.action.value,
        cause=decision.cause,
        reason=decision.reason,
        code=code_version(),
        policy=dataclasses.asdict(policy),
        evidence=dataclasses.asdict(evidence),
    )


def again(stored: Decided) -> Decision:
    """The decision as the rule makes it now from what was stored then."""
    return decide(policy_of(stored.policy), evidence_of(stored.evidence))


def policy_of(stored: Mapping[str, Any]) -> RolloutPolicy:
    """A policy from JSON."""
    return RolloutPolicy(**{**stored, "steps": tuple(stored["steps"])})


def evidence_of(stored: Mapping[str, Any]) -> Evidence:
    """Evidence from JSON."""
    target = stored["target"]
    return Evidence(
        **{
            **stored,
            "met": _splits(stored["met"]),
            "guards": {name: _splits(found) for name, found in stored["guards"].items()},
            "probes": Pairs(**stored["probes"]),
            "replay": Pairs(**stored["replay"]),
            "target": Pairs(**target) if target is not None else None,
            "trips": tuple(stored["trips"]),
            "gaps": tuple(stored["gaps"]),
        }
    )


def code_version() -> str:
    """The release that decided."""
    try:
        return version("livegraft")
    except PackageNotFoundError:
        return "unknown"


def _splits(stored: list[Mapping[str, Any]]) -> tuple[Split, ...]:
    return tuple(Split(**one) for one in stored)
