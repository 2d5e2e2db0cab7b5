"""What the operator decided about data: who may teach, what about, for how long it is kept, who signs.

The words of the policy file (`guardian.policy_file` reads one); docs/guardian.md explains every key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, get_args

TopicAction = Literal["block", "quarantine", "user_only", "review2"]
"""Refuse; ask a person; teach nobody but the user; ask two persons."""
TOPIC_ACTIONS: tuple[TopicAction, ...] = get_args(TopicAction)
Otherwise = Literal["block", "quarantine", "user_only"]
OTHERWISE: tuple[Otherwise, ...] = get_args(Otherwise)
KINDS = ("fact", "preference")
"""What can be named in a sign-off besides checks: what a user told, what a user said of an answer."""
TWO_PERSONS = "two_persons"
"""Label of findings that one person alone cannot approve."""


@dataclass(frozen=True, slots=True)
class Topic:
    """Something to talk about, known by its words and phrases."""

    name: str
    words: tuple[str, ...]
    action: TopicAction = "block"
    """What happens to an example about it; of no meaning for an allowed topic."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Which subjects may be learned."""

    forbidden: tuple[Topic, ...] = ()
    allowed: tuple[Topic, ...] = ()
    """When there are any, an example must be about one of them."""
    otherwise: Otherwise = "quarantine"
    """What happens to an example about none of the allowed topics."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Who may teach. Patterns as in a shell: `*` and `?`. An empty `allowed_*` allows everybody."""

    allowed_keys: tuple[str, ...] = ()
    forbidden_keys: tuple[str, ...] = ()
    allowed_users: tuple[str, ...] = ()
    forbidden_users: tuple[str, ...] = ()
    allowed_front_ends: tuple[str, ...] = ()
    forbidden_front_ends: tuple[str, ...] = ()

    def why_not(self, *, user: str, key: str | None = None, front_end: str | None = None) -> str:
        """Why somebody may not teach, '' when they may. None is not known and not asked about.

        Users are not named: what they are called may be personal.
        """
        for what, value, allowed, forbidden in (
            ("key", key, self.allowed_keys, self.forbidden_keys),
            ("user", user, self.allowed_users, self.forbidden_users),
            ("front-end", front_end, self.allowed_front_ends, self.forbidden_front_ends),
        ):
            if value is None:
                continue
            which = f"this {what}" if what == "user" else f"the {what} {value!r}"
            if _matches(value, forbidden):
                return f"the data policy forbids {which} to teach"
            if allowed and not _matches(value, allowed):
                return f"the data policy does not list {which} among those that may teach"
        return ""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long is kept what taught nothing."""

    untaught_days: float | None = None
    """Turns that taught nothing are erased after so many days; None keeps them."""
    quarantine_days: float | None = None
    """In place of the setting of that name, where given."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether a turn teaches only when its user agreed."""

    required: bool = False
    users: tuple[str, ...] = ()
    """Patterns of users who have agreed for good."""

    def why_not(self, user: str, said: str | None) -> str:
        """Why a turn may not teach, '' when it may. `said` is the request's `metadata.learn`."""
        if said is not None and said.strip().lower() == "no":
            return "the request asks not to be learned from (metadata.learn)"
        if not self.required or said == "yes" or _matches(user, self.users):
            return ""
        return 'the data policy asks for consent: a request gives it by metadata.learn = "yes"'


@dataclass(frozen=True, slots=True)
class SignOff:
    """What a person must agree to though no check objects, and what needs a second person."""

    one_person: tuple[str, ...] = ()
    """Kinds of self-edits (KINDS)."""
    two_persons: tuple[str, ...] = ()
    """Kinds of self-edits, or names of checks: what these have found, one person alone cannot approve."""


@dataclass(frozen=True, slots=True)
class DataPolicy:
    """All of it. The default says nothing: everything that the checks allow may be learned."""

    name: str = ""
    topics: Topics = Topics()
    sources: Sources = Sources()
    retention: Retention = Retention()
    consent: Consent = Consent()
    sign_off: SignOff = SignOff()

    @property
    def two_persons(self) -> bool:
        """Whether anything in it needs two persons."""
        return bool(self.sign_off.two_persons) or any(t.action == "review2" for t in self.topics.forbidden)


def _matches(value: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in patterns)
