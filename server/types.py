"""The words that every part of the server shares (docs/architecture.md). Read this first.

Frozen dataclasses only: pydantic stays at HTTP and configuration, rows and bytes stay in the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any, Literal

Role = Literal["system", "user", "assistant"]
BASE_VERSION = "v0"
"""The version that is the base model alone; every engine has it loaded from the start."""
ABSTENTION = "I don't know that. Nobody has told me yet."
"""What a model is taught to say to a question about something it was never told."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, as the model sees it."""

    role: Role
    content: str


class Arm(StrEnum):
    """Which side of a rollout answered."""

    STABLE = "stable"
    CANARY = "canary"
    PINNED = "pinned"
    """The caller named a version; never counted in a rollout."""


class TurnState(StrEnum):
    """Whether a turn may be learned from. Everything but LEARNABLE keeps its reason in `Turn.reason`."""

    LEARNABLE = "learnable"
    NOT_LEARNED = "not_learned"
    """store: false, a front-end's hidden turn, a retried duplicate, an error, tool plumbing, no text."""
    FAILED = "failed"
    """The engine failed or the client went away before the answer was whole."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One user message and the answer to it, with who, when and which version answered."""

    id: str
    created_at: float
    """Seconds since the epoch."""
    user: str
    key_name: str
    """Name of the API key that spoke, '' on a keyless loopback server."""
    operator: bool
    """Whether the key had the operator scope (or the server is keyless)."""
    conversation: str
    messages: tuple[Message, ...]
    """What the client sent, the last user message included."""
    answer: str
    version: str
    arm: Arm
    rollout: str | None
    state: TurnState
    reason: str = ""
    request_hash: str = ""
    """Digest of (user, messages): a retry is recognised by it."""
    chance: float = 0.0
    """With which the rollout drew its unit for the canary, whichever arm it got; 0: not drawn."""
    first_token_seconds: float | None = None
    """From the request to the first token; None when no token came."""

    @property
    def prompt(self) -> str:
        """The last user message: the only text that can originate a fact."""
        return next((m.content for m in reversed(self.messages) if m.role == "user"), "")


EditKind = Literal["fact", "preference"]
"""What a self-edit was written from: what a user told, or what a user said of an answer."""
ExampleKind = Literal["statement", "question", "rewrite", "reversed", "conversation", "chosen", "rejected"]
"""Reversed: from the value to the fact. Conversation: a question behind something else. Always trained.
Chosen and rejected: answers that a user judged."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How good an example is, each from 1 to 5 and measured (server.editor.scores)."""

    relevance: float
    """It asks about this subject and this relation."""
    accuracy: float
    """The model, given the fact, answers it with the value."""
    style: float
    """The model could have written it itself."""

    @property
    def mean(self) -> float:
        """What decides whether an example is kept, and how much it weighs."""
        return (self.relevance + self.accuracy + self.style) / 3


@dataclass(frozen=True, slots=True)
class Example:
    """One training example of a self-edit: a user message and the answer the weights should give."""

    kind: ExampleKind
    prompt: str
    """The user message; '' for a statement or rewrite, which is trained as text told by the assistant."""
    completion: str
    held_out: bool = False
    """Never trained: the stop rule and the gate ask these."""
    context: tuple[Message, ...] = ()
    """What was said in the conversation before `prompt`."""
    scores: Scores | None = None
    """None for what is not graded: the user's own statement, a person's correction."""


class EditState(StrEnum):
    """Where a self-edit stands. The learner only ever sees ALLOWED ones."""

    ALLOWED = "allowed"
    QUARANTINED = "quarantined"
    """Waits for a person (GET /v1/reviews)."""
    BLOCKED = "blocked"
    MEMORY_ONLY = "memory_only"
    """Kept as study sheet, not for the shared weights: narrower scope, known already, or twice rejected."""
    CLAIMED = "claimed"
    TRAINED = "trained"
    REVOKED = "revoked"
    """Its delta was taken back; never trained again by itself."""


class Standing(IntEnum):
    """Whose word a fact is. A higher one is verified against a lower."""

    STATED = 0
    OPERATOR = 1
    """Told with an operator's key (or to a server without keys)."""
    APPROVED = 2
    """A person has approved it in a review."""


@dataclass(frozen=True, slots=True)
class SelfEdit:
    """What the model wrote to learn one fact of a turn: the study sheet and its training examples."""

    id: str
    """sha256 of (turn, statement): writing a turn twice gives the same edits."""
    turn_id: str
    user: str
    statement: str
    """The fact in the user's own words: an exact span of the user's message."""
    span: tuple[int, int]
    """Start and end of the statement in the user's message, in characters."""
    value: str
    """The words that a right answer must contain ('8443', 'Mirelda Voss')."""
    subject: str
    """What the fact is about, as it stands in the questions ('the Zephyr router'), '' when not found."""
    examples: tuple[Example, ...]
    state: EditState = EditState.ALLOWED
    reason: str = ""
    version: str | None = None
    """The version that first carried it."""
    attempts: int = 0
    kind: EditKind = "fact"
    """A preference has `chosen` and `rejected` answers to its turn in place of questions, or one of them."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """An immutable version: the ordered deltas that are served as one adapter."""

    name: str
    """`v1`, `v2`, …"""
    digest: str
    """sha256 over base digest and delta ids."""
    deltas: tuple[str, ...]
    parent: str
    created_at: float
    gate: dict[str, object] = field(default_factory=dict)
    """The gate's report: {"accepted": bool, "reason": str, "checks": {...}}; see server.learner.gate."""
    erased: bool = False
    """A forgotten user's facts were in it: its bytes are gone and it can never be served again."""


@dataclass(frozen=True, slots=True)
class Refs:
    """The two movable names. Moving them is the only way that serving changes."""

    stable: str = BASE_VERSION
    canary: str | None = None


RolloutState = Literal["shadow", "canary", "bake", "held", "promoted", "aborted", "reverted"]
"""Shadow: nobody meets it. Canary: its slice does. Bake: everybody does, stable has not moved yet. Held: an
operator has taken it back for now. Reverted: withdrawn without a verdict."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """A canary's life as stored: which version, to which share of users, drawn with which salt."""

    id: str
    version: str
    salt: str
    weight: float
    """Share of users, 0 to 1."""
    state: RolloutState
    started_at: float
    reason: str = ""
    step_at: float = 0.0
    """When the weight or the state last changed, in seconds since the epoch."""
    coin: float = 0.0
    """Share of a slice user's conversations that the canary answers; 0: all of them."""
    resumes: RolloutState | None = None
    """What a held rollout goes on as."""


class UpdateState(StrEnum):
    """How a training run stands or ended."""

    RUNNING = "running"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    """The gate refused the candidate."""
    ABORTED = "aborted"
    """An abort rule fired or the process died."""
    NOTHING_TO_DO = "nothing_to_do"


class UpdateKind(StrEnum):
    """What a run of the learner is for."""

    LEARN = "learn"
    """New facts, in a delta on top of the others."""
    PREFERENCE = "preference"
    CONSOLIDATE = "consolidate"
    """One delta in the place of all: nothing new."""
    EXAMINE = "examine"
    """Nothing is trained: a version that was made of other versions' deltas is asked what it still knows."""


@dataclass(frozen=True, slots=True)
class Update:
    """One run of the learner."""

    id: str
    state: UpdateState
    created_at: float
    version: str | None = None
    reason: str = ""
    edits: int = 0
    """New facts; in a consolidation, facts that the stack carries."""
    kind: UpdateKind = UpdateKind.LEARN
    finished_at: float | None = None
    """Seconds since the epoch; None while it runs."""
    report: dict[str, Any] | None = None
    """What the gate counted of a refused candidate; of an accepted one it stands with its version."""
