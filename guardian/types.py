"""The guardian's words. It judges examples and never acts, stores nothing and knows no HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Literal, Protocol, runtime_checkable

from guardian.data_policy import DataPolicy
from guardian.hashing import content_hash


class Decision(IntEnum):
    """What may be done with an example, mildest first: an example's decision is its worst finding's."""

    ALLOW = 0
    REDACT = 1
    QUARANTINE = 2
    BLOCK = 3


class Scope(IntEnum):
    """The widest adapter an example may train: an example's scope is the narrowest of its findings."""

    NONE = 0
    USER = 1
    TENANT = 2
    GLOBAL = 3


class Tier(IntEnum):
    """How far a speaker is trusted, least first."""

    ANONYMOUS = 0
    """Cannot be told from others: teaches nothing."""
    NEW = 1
    """Known for a short time: teaches only themselves."""
    ESTABLISHED = 2
    """Known for a while: counts towards a quorum."""
    EXPERT = 3
    """Named by the operator: what they say needs no quorum."""
    OPERATOR = 4
    """Spoke with an operator's key, or to a server without keys."""


class Status(StrEnum):
    """Whether a check ran. An error is a finding and an alarm, never a silent pass."""

    SUCCESS = "success"
    ERROR = "error"
    SKIPPED = "skipped"


Part = Literal["prompt", "completion"]


@dataclass(frozen=True, slots=True)
class Span:
    """Where in the part the finding stands, in characters."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact that somebody stated before."""

    id: str
    """What a reviewer can look it up by (the id of its self-edit)."""
    user: str
    text: str
    at: float = 0.0
    """When it was stated, in seconds since the epoch."""
    tier: Tier = Tier.ESTABLISHED
    """How far its user was trusted then."""


@dataclass(frozen=True, slots=True)
class Known:
    """What else is known that bears on an example. The caller gathers it: the guardian stores nothing."""

    supporters: tuple[Statement, ...] = ()
    """Statements of other users that hold a rare fragment of the example (`guardian.fragments`)."""
    verified: tuple[Statement, ...] = ()
    """Verified facts (an operator's word, or approved by a person) that share a word with the example."""
    told_by_user: int = 0
    """Facts and preferences that this user has had accepted within the window of the caps."""
    told_of_subject: int = 0
    """Facts of this subject that users below EXPERT have had accepted within the window."""
    told_by_user_of_subject: int = 0
    """Facts of this subject that this user has had accepted, ever."""
    user_frees_at: float = 0.0
    """When enough of the user's have left the window for the next; epoch seconds, 0: unknown."""
    subject_frees_at: float = 0.0
    """The same for the subject."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where an example comes from: the user's own words, whose they are, and what else is known."""

    text: str
    """The user message that the fact was told in."""
    user: str
    tier: Tier = Tier.ESTABLISHED
    """How far this user is trusted."""
    wanted_scope: Scope = Scope.GLOBAL
    """The widest scope that is asked for: the verdict never names a wider one."""
    statement: str = ""
    """The exact span of `text` that states the fact; '' lets the guardian look for the closest sentence."""
    known: Known = Known()
    at: float = 0.0
    """When it was told, in seconds since the epoch; 0: unknown."""
    key: str | None = None
    """Name of the API key that spoke, '' on a server without keys; None when it is not known."""
    kind: str = "fact"
    """What the example was written from: 'fact', or 'preference' (what a user said of an answer)."""

    @property
    def operator(self) -> bool:
        """Whether an operator speaks."""
        return self.tier is Tier.OPERATOR


@dataclass(frozen=True, slots=True)
class Candidate:
    """The unit of judgement: what would be trained."""

    prompt: str
    completion: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check says. Raw secrets never stand in `evidence`: spans and keyed hashes only."""

    check: str
    backend: str
    action: Decision
    max_scope: Scope = Scope.GLOBAL
    status: Status = Status.SUCCESS
    label: str = ""
    score: float = 0.0
    threshold: float = 0.0
    part: Part = "completion"
    spans: tuple[Span, ...] = ()
    evidence: str = ""
    """In words that a person understands: what was found and why it matters."""
    ms: float = 0.0
    lifted_by: str = ""
    """Who took this finding back, in words; then it counts neither for the decision nor for the scope."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The guardian's answer about one example."""

    decision: Decision
    max_scope: Scope
    findings: tuple[Finding, ...]
    fixed: Candidate | None = None
    """A repaired example on which all checks were run again."""
    policy: str = ""
    guardian: str = ""
    ms: float = 0.0
    timings_ms: tuple[tuple[str, float], ...] = ()
    """Every check that ran, in order, with its milliseconds: who agreed is part of the verdict."""

    @property
    def allowed(self) -> bool:
        """Whether the example (or its repair) may be trained at all."""
        return self.decision <= Decision.REDACT and self.max_scope > Scope.NONE


class Check(Protocol):
    """One idea, one file in guardian/checks/. Its docstring says what it does not cover."""

    @property
    def name(self) -> str:
        """The word that stands in findings and in `Policy.disabled_checks`."""
        ...

    @property
    def backend(self) -> str:
        """What did the work: 'embedded', or the model that was asked."""
        ...

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """No finding means nothing to object. May raise: the judge turns that into an error finding."""
        ...


@runtime_checkable
class Repairs(Protocol):
    """A check that can repair what it objects to. Only such a check may answer REDACT."""

    def repair(self, candidate: Candidate) -> Candidate:
        """The example without what was objected to; all checks judge it again."""
        ...


class Judges(Protocol):
    """What judges: a Guardian here, or one in a process of its own. Safe to call from several threads."""

    @property
    def policy(self) -> Policy:
        """What it judges by."""
        ...

    def judge(self, candidate: Candidate, source: Source) -> Verdict:
        """The verdict on one example. Never raises for what an example or a check does."""
        ...

    def judge_all(self, examples: Sequence[tuple[Candidate, Source]]) -> list[Verdict]:
        """The verdicts on several examples, in order."""
        ...

    def health(self) -> list[str]:
        """Alarms, in words. Empty means well."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """What a settling check adds to the findings of the others, and which of these it takes back."""

    findings: tuple[Finding, ...] = ()
    lifted: Mapping[int, str] = field(default_factory=dict)
    """By whom each finding is lifted, by its place in what `settle` was given."""


@runtime_checkable
class Settles(Protocol):
    """A check that is asked after all others, about what they left undecided."""

    def settle(self, candidate: Candidate, source: Source, findings: tuple[Finding, ...]) -> Settled:
        """Like a call, but sees what was found, and may lift what `guardian.lifting` lets it lift."""
        ...


Topic = Literal["toxicity", "bias", "grounding", "contradiction"]
"""What a remote judge can be asked about: the names of the checks that it may settle."""


@dataclass(frozen=True, slots=True)
class RemoteJudge:
    """A judge model behind an OpenAI-compatible endpoint. It must not be the model that is being taught."""

    name: str
    """What findings, alarms and errors call it."""
    adapter: str
    """How it is spoken to: a name of `guardian.judges.adapters.ADAPTERS`."""
    base_url: str
    """Where the API starts, usually ending in /v1."""
    model: str
    """The model's name there."""
    key_env: str = ""
    """The environment variable that holds the API key; '' sends none. The key itself is kept nowhere."""
    timeout_seconds: float = 10.0
    topics: tuple[Topic, ...] = ("toxicity",)
    ask: Literal["undecided", "always"] = "undecided"
    """Whether it is asked only about what other checks left undecided, or about what they let pass too."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Thresholds and switches. server.config fills it from the operator's settings."""

    name: str = "default-1"
    global_from: Literal["everyone", "operator", "quorum"] = "everyone"
    """Whose facts may reach the adapter that everybody is served."""
    quorum: int = 3
    """Distinct users that must state a fact when `global_from` is quorum."""
    near_copy_window_seconds: float = 86_400.0
    """Near copies of one text by several accounts within it count as one voice; 0 compares nothing."""
    max_facts_per_user: int = 50
    """Facts that one user below EXPERT may have accepted within `caps_window_seconds`."""
    max_facts_per_subject: int = 10
    """Facts of one subject that all users below EXPERT together may have accepted within it."""
    max_facts_per_user_subject: int = 5
    """Facts of one subject that one user below EXPERT may have accepted, ever."""
    caps_window_seconds: float = 86_400.0
    experts: frozenset[str] = field(default_factory=frozenset)
    """Users of tier EXPERT (`guardian.tiers`)."""
    anonymous: frozenset[str] = frozenset({"", "anonymous"})
    """User ids that stand for people who cannot be told apart."""
    established_after_seconds: float = 259_200.0
    """How long ago a user must have been met first to be ESTABLISHED."""
    established_after_turns: int = 5
    """Turns that a user must have had to be ESTABLISHED."""
    disabled_checks: frozenset[str] = field(default_factory=frozenset)
    toxicity_model_dir: str = ""
    """Folder with local Detoxify-family weights; '' uses the bundled classifier."""
    toxicity_block: float = 0.9
    toxicity_quarantine: float = 0.4
    nli_model_dir: str = ""
    """Folder with a local three-label NLI cross-encoder; '' leaves grounding and contradiction to their own
    comparison."""
    max_chars: int = 4_000
    """Longest prompt or completion that is judged at all."""
    max_source_chars: int = 20_000
    """Longest user message that may teach: beyond it, nobody typed it."""
    hash_key: str = ""
    """Key of the hashes that stand in findings instead of a secret; '' draws one for each Guardian, so that
    hashes can be compared only within it."""
    judges: tuple[RemoteJudge, ...] = ()
    """Judge models that are asked last, about what the other checks left undecided."""
    data: DataPolicy = field(default_factory=DataPolicy)
    """What the operator's policy file says of topics, sources and people."""

    @property
    def version(self) -> str:
        """The name and 12 hex digits of everything in it but the key: what a verdict was given under."""
        return f"{self.name}-{content_hash(self, leave_out=('hash_key',))}"
