"""What the HTTP layer is told by the operator: keys and limits. server.config fills it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from guardian.data_policy import DataPolicy

KeyScope = Literal["chat", "feedback", "operator"]
ALL_SCOPES: frozenset[KeyScope] = frozenset(get_args(KeyScope))


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key that a client may present as `Authorization: Bearer …`."""

    name: str
    """Stands in the audit and is the user when the key may not speak for others."""
    secret: str = field(repr=False)
    scopes: frozenset[KeyScope] = ALL_SCOPES
    may_speak_for_others: bool = False
    """Whether the request's `user` field says who the user is; an application's key may, a person's not."""


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """What besides keys is believed about who the user is. By default nothing."""

    user_headers: tuple[str, ...] = ()
    """Headers that name the user, the first that is filled counts; from keys that may speak for others."""
    token_header: str = "x-openwebui-user-jwt"
    token_key: str = field(default="", repr=False)
    """Shared secret or public key (PEM) of the tokens; '' reads none."""
    token_algorithms: tuple[str, ...] = ("HS256",)
    token_issuer: str = "open-webui"
    """'' takes any."""
    token_audience: str = ""
    token_claim: str = "sub"
    token_required: bool = False
    """Whether keys that may speak for others must bring a token."""


@dataclass(frozen=True, slots=True)
class ApiPolicy:
    """Keys and limits of one API process."""

    keys: tuple[ApiKey, ...] = ()
    """None: a loopback server on which everybody may do everything."""
    learning_enabled: bool = True
    """Whether any turn is learned from."""
    duplicate_window_seconds: float = 600.0
    """The same user sending the same messages again within it is a retry and teaches nothing new."""
    preference_pairs: int = 8
    preference_thumbs: int = 16
    """Corrections, and thumbs, that make an update on feedback."""
    max_body_bytes: int = 4_000_000
    max_waiting: int = 256
    """Chat requests that may wait for a slot of the engine before new ones are turned away."""
    max_choices: int = 8
    """Most answers to one request (`n`)."""
    default_max_tokens: int = 512
    """Length limit of an answer whose request names none."""
    identity: IdentityPolicy = field(default_factory=IdentityPolicy)
    """Who is believed about who the user is."""
    seed: int = 0
    """Of all training, as fine-tuning jobs tell it."""
    data: DataPolicy = field(default_factory=DataPolicy)
    """Who may teach, and whether they must have agreed."""
    two_persons: bool = False
    """Whether every approval needs two different keys."""
    quarantine_days: float = 30.0
    """After how many days what waits for a person is denied."""
    default_temperature: float = 0.0
    """Greedy unless a request asks for chance: what was learned is then said the same way every time."""
