"""What an update leaves behind: the delta with its provenance, the version's row, where each edit goes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapter_store import Delta, Manifest, Store, Version
from server.code import code_digest, code_version
from server.learner.types import GateReport, UpdateResult
from server.types import EditState, SelfEdit, UpdateState, VersionRow

if TYPE_CHECKING:
    from server.ledger.types import Claim


_NOT_LEARNED = {
    "fact": "its held-out questions were not answered",
    "preference": "the answer that was wanted is no more likely than before",
}


@dataclass(frozen=True, slots=True)
class LearnerOptions:
    """What the operator can set of the learner (server.config fills it)."""

    model_dir: Path
    model_name: str
    base_digest: str
    profile: str = ""
    threads: int = 1
    seed: int = 0
    max_edits_per_update: int = 8
    batch_window_seconds: float = 3.0
    """How long the newest fact may wait for others: fewer updates mean less drift."""
    batch_patience_seconds: float = 20.0
    """The same while further self-edits are being written."""
    lease_seconds: float = 30.0
    max_attempts: int = 2
    """A fact the gate refused this often stays in memory only."""
    preference_pairs: int = 8
    """Corrections that make an update on feedback; 0: never."""
    preference_thumbs: int = 16
    """The same for liked and disliked answers together."""
    poll_seconds: float = 0.5
    max_rank: int = 64
    """Ranks of a version's deltas together: before they pass it, the stack is consolidated."""
    consolidate_every: int = 50
    """Updates after which a stack is consolidated in any case; 0 is never."""
    memory_limit_mb: int = 0
    """Memory that an update may take beside the base's weights; 0: what is free."""
    hold_seconds: float = 30.0
    """Pause after an update that could not begin, twice as long each time, up to HOLD_AT_MOST_SECONDS."""


def delta(
    options: LearnerOptions, claim: Claim, parent: VersionRow, result: UpdateResult, edits: Sequence[SelfEdit]
) -> Delta:
    """The delta of a training run on `parent`, and all that is known of how it came about."""
    assert result.factors is not None
    factors = result.factors
    return Delta(
        Manifest(
            base_digest=options.base_digest,
            base_model=options.model_name,
            rank=factors.rank,
            alpha=factors.alpha,
            modules=tuple(sorted(factors.a)),
            provenance={
                **result.provenance,
                "code": {"version": code_version(), "sha256": code_digest()},
                "parent": parent.name,
                "update": claim.update_id,
                "edits": [edit.id for edit in edits],
                "turns": sorted({edit.turn_id for edit in edits}),
            },
        ),
        a=factors.a,
        b=factors.b,
    )


def version(
    store: Store, base_digest: str, name: str, parent: VersionRow, deltas: tuple[str, ...], report: GateReport
) -> VersionRow:
    """A version made now."""
    digest = store.digest(Version(name, base_digest, deltas))
    return VersionRow(
        name=name,
        digest=digest,
        deltas=deltas,
        parent=parent.name,
        created_at=time.time(),
        gate=dataclasses.asdict(report),
    )


def returned(
    edits: Sequence[SelfEdit], result: UpdateResult, max_attempts: int
) -> Iterator[tuple[str, tuple[EditState, str]]]:
    """What happens to each edit that this update did not teach."""
    accepted = result.factors is not None and result.report.accepted
    for edit in edits:
        if edit.id in result.known:
            yield edit.id, (EditState.MEMORY_ONLY, "the model knew this already")
        elif accepted and edit.id in result.report.edits_learned:
            continue
        elif edit.attempts + 1 < max_attempts:
            how = "" if accepted else ", at half the rate"
            yield edit.id, (EditState.ALLOWED, f"not learned yet: waits for one more try{how}")
        else:
            why = result.aborted or (_NOT_LEARNED[edit.kind] if accepted else result.report.reason)
            yield edit.id, (EditState.MEMORY_ONLY, f"tried {edit.attempts + 1} times, not learned: {why}")


def counted(result: UpdateResult) -> dict[str, Any] | None:
    """What the gate counted of a candidate that makes no version; None where it never came to that."""
    return dataclasses.asdict(result.report) if result.report.checks else None


def refusal(result: UpdateResult) -> tuple[UpdateState, str]:
    """How an update that made no version ended, and why."""
    if result.aborted:
        return UpdateState.ABORTED, result.aborted
    if result.known and not result.steps and not result.held_back:  # nothing was left to train
        return UpdateState.NOTHING_TO_DO, "the model knew every fact already"
    return UpdateState.REJECTED, result.report.reason
