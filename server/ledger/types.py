"""The ledger's own words: the open transaction, work under a lease, what lineage tells. Read this first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from server.types import Arm, EditState, SelfEdit, Turn, VersionRow


@dataclass(frozen=True, slots=True)
class Tx:
    """An open transaction, and the one moment at which everything in it happens."""

    db: Connection
    now: float
    """Seconds since the epoch, read once when the transaction began."""


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work held under a lease."""

    id: str
    """sha256 of kind and payload: the same work is never queued twice."""
    kind: str
    payload: dict[str, Any]
    fence: int
    """Grows with every claim: an effect is refused when a later claim exists."""
    attempts: int
    """How often it was claimed, this time included."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The edits of one training run, held under a lease."""

    update_id: str
    fence: int
    edits: tuple[SelfEdit, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """A fact that somebody stated, and what was known of them then."""

    edit_id: str
    user: str
    statement: str
    at: float
    operator: bool
    first_met_at: float | None
    """When the user's first turn was; None for operators, of whom it is not asked."""
    turns: int
    """Turns that the user had had by `at`; 0 for operators."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the guardian's caps count."""

    by_user: tuple[float, ...]
    """When the user's accepted edits within the window were written, oldest first."""
    of_subject: tuple[float, ...] = ()
    """The same of the subject's facts by users who are no experts or operators."""
    by_user_of_subject: int = 0
    """All accepted facts of the subject by this user."""


@dataclass(frozen=True, slots=True)
class DeltaRow:
    """A delta's place in the ledger; its numbers are in the adapter store."""

    id: str
    created_at: float
    update_id: str | None
    edits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One change of what is served or learned: who, when, why, on what evidence."""

    id: int
    at: float
    actor: str
    action: str
    subject: str
    before: str | None
    after: str | None
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)
    hash: str = ""
    """Its link in the chain (server.ledger.chain)."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the audit's chain: what to note outside."""

    position: int
    """Id of the last row, 0 before the first."""
    hash: str

    def __str__(self) -> str:
        return f"{self.position}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the audit, and where."""

    position: int
    """Id of the row, or of the first one that is missing."""
    what: str


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """Whether the audit is what was written."""

    rows: int
    head: Head
    found: int
    """Problems, all of them."""
    problems: tuple[Problem, ...]
    """The first of them, by position."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.found == 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for live watching. Old events are forgotten; the audit is not."""

    id: int
    at: float
    kind: str
    """turn, edit, update, version, ref, rollout, decision, feedback, signal, alarm."""
    subject: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a user said about an answer."""

    id: str
    turn_id: str
    at: float
    metric_name: str
    value: Any
    comment: str
    demonstration: str
    user: str


@dataclass(frozen=True, slots=True)
class Signal:
    """What a user showed of an answer without saying it."""

    turn_id: str
    """The turn that gave the answer."""
    kind: str
    """One of server.ledger.shown.Shown."""
    at: float
    user: str
    conversation: str
    version: str
    arm: Arm
    rollout: str | None


@dataclass(frozen=True, slots=True)
class Units:
    """How often something happened, and to how many."""

    turns: int = 0
    users: int = 0
    conversations: int = 0


@dataclass(frozen=True, slots=True)
class WaitingPreferences:
    """What users said of answers, judged and not trained yet."""

    pairs: tuple[SelfEdit, ...] = ()
    """Corrections: the answer wanted and the one given."""
    liked: tuple[SelfEdit, ...] = ()
    disliked: tuple[SelfEdit, ...] = ()

    def enough(self, pairs: int, thumbs: int) -> tuple[SelfEdit, ...]:
        """What may be trained now: the pairs from so many on; the thumbs likewise, if of each kind there is a
        quarter as many. 0 is never enough."""
        taken: tuple[SelfEdit, ...] = ()
        if pairs and len(self.pairs) >= pairs:
            taken += self.pairs
        fewest, all_ = min(len(self.liked), len(self.disliked)), len(self.liked) + len(self.disliked)
        if thumbs and all_ >= thumbs and fewest >= max(1, thumbs // 4):
            taken += self.liked + self.disliked
        return taken


@dataclass(frozen=True, slots=True)
class RolloutCounts:
    """What the canary's own answers have met so far."""

    canary_turns: int
    failed_turns: int
    thumbs_down_users: int
    """Distinct users with at least one negative feedback on a canary answer."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """An edit that waits or is in memory only, and the verdict on its statement."""

    id: str
    state: EditState
    reason: str
    subject: str
    statement: str
    judged_at: float
    policy: str
    guardian: str
    """What the verdict was given under, '' when it does not say."""


@dataclass(frozen=True, slots=True)
class ToldFact:
    """A fact that was stated, or approved by a person, at a moment."""

    subject: str
    statement: str
    at: float
    verified: bool
    """An operator's word, or approved."""


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """What people have before them."""

    waiting: int
    """Self-edits that wait for a person."""
    oldest_at: float | None
    """Since when the first of them does, in seconds since the epoch."""
    expired: int
    """Denied because nobody looked in time, ever."""
    spot_checks: int
    """Allowed self-edits that somebody should look at."""


@dataclass(frozen=True, slots=True)
class EditLineage:
    """A self-edit with what the guardian said of each of its examples."""

    edit: SelfEdit
    verdicts: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What became of a turn."""

    turn: Turn
    self_edits: tuple[EditLineage, ...]
    deltas: tuple[str, ...]
    versions: tuple[VersionRow, ...]
    """All versions that carry one of the deltas, oldest first."""
    refs: dict[str, str]
    """Of those versions, the ones that are served now: ref → version name."""
    state: str
    """Where the turn's learning stands and why, in words."""
