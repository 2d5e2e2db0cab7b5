"""When a stack of deltas is consolidated before anything new is learned, and what holds where it cannot.

A function of the ledger and the settings, so that a learner that died comes to the same answer. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapter_store import Store, StoreError, Version
from server.learner.types import Drift
from server.ledger import Ledger
from server.ledger.updates import MAX_DEATHS
from server.types import Update, UpdateState, VersionRow

ATTEMPTS = 3
"""Each with another seed; how they differ says server.learner.consolidate.stretched."""
DRIFT_SHARE = 0.8
"""Share of the drift budget that forces a consolidation."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the operator allows."""

    max_rank: int
    every: int
    """Updates after which a stack is consolidated in any case; 0 is never."""


@dataclass(frozen=True, slots=True)
class Need:
    """A consolidation that is due."""

    why: str
    attempt: int
    """How often it was tried on this version."""
    blocks: bool
    """Whether nothing may be learned until it succeeds: no room is left."""
    refusal: str = ""
    """Why it is not tried again; '' while it is."""
    drifted: bool = False
    """Whether it is due for nothing but what the stack does to the rest."""

    @property
    def held(self) -> str:
        """Why learning holds, in words for the operator; '' when it goes on."""
        if not (self.blocks and self.refusal):
            return ""
        return (
            f"{self.why}, and {self.refusal}. Facts wait, nothing is lost. Raise learning.max_rank or revoke "
            "a delta."
        )


def need(ledger: Ledger, store: Store, base_digest: str, head: VersionRow, limits: Limits) -> Need | None:
    """What is due on the version that the next delta would be trained on; None when it may be learned on."""
    if not head.deltas:
        return None
    full = _full(store, base_digest, head, limits)
    if full and len(head.deltas) == 1:
        return Need(full, 0, True, "one delta cannot be made smaller")
    spent = _spent(ledger, head)
    why = full or spent or _scheduled(head, limits)
    if len(head.deltas) == 1 or not why:
        return None
    tried = ledger.consolidations_since(head.created_at)
    return Need(why, _attempts(tried), bool(full), _given_up(tried), bool(spent) and not full)


def _full(store: Store, base_digest: str, head: VersionRow, limits: Limits) -> str:
    """Whether the next delta would pass the serving limit; a consolidating one says its rank."""
    try:
        used = store.rank(Version(head.name, base_digest, head.deltas))
        newest = store.manifest(head.deltas[-1])
    except StoreError:
        return ""  # the update that needs the damaged delta says so
    told = newest.provenance.get("next_rank", newest.rank)
    next_rank = told if isinstance(told, int) else newest.rank
    if used + next_rank <= limits.max_rank:
        return ""
    return (
        f"the ranks of {head.name} add up to {used}, with {next_rank} more they would pass {limits.max_rank}"
    )


def _spent(ledger: Ledger, head: VersionRow) -> str:
    """Whether too much of the drift budget is spent. What a consolidation leaves cannot be got back by the
    next one: it counts from there on."""
    first = next((row for row in ledger.versions() if row.deltas == head.deltas[:1]), head)
    limit = max(DRIFT_SHARE, (1 + min(1.0, _share(first))) / 2 if first is not head else 0.0)
    spent = _share(head)
    return f"{head.name} has spent {spent:.0%} of its drift budget" if spent >= limit else ""


def _scheduled(head: VersionRow, limits: Limits) -> str:
    due = 0 < limits.every < len(head.deltas)
    return f"{len(head.deltas)} updates are stacked in {head.name}" if due else ""


def _share(version: VersionRow) -> float:
    drift = version.gate.get("drift")
    return Drift(**drift).spent if isinstance(drift, dict) else 0.0


def _attempts(tried: list[Update]) -> int:
    """Those that came to an end. An accepted one counts: it was withdrawn, or it would be the head."""
    return sum(run.state in (UpdateState.REJECTED, UpdateState.ACCEPTED) for run in tried)


def _given_up(tried: list[Update]) -> str:
    if _attempts(tried) < ATTEMPTS and len(tried) < MAX_DEATHS:
        return ""
    return f"{len(tried)} consolidations failed, the last one: {tried[0].reason}"
