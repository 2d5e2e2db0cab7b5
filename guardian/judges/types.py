"""The words of the judges: what is asked, what comes back, and what that is taken to mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from guardian.types import Topic


@dataclass(frozen=True, slots=True)
class Case:
    """What a judge is shown of an example. All of it is untrusted, and cleaned by `guardian.judges.text`."""

    topic: Topic
    prompt: str
    completion: str
    source: str
    """The user's message that the example was written from."""
    verified: tuple[str, ...] = ()
    """Verified facts that the example may contradict."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation that is sent. Untrusted text never stands in the system role."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the endpoint, beside the model's name and temperature 0."""

    messages: tuple[Message, ...]
    max_tokens: int
    logprobs: bool = False
    """Whether to ask for the five most probable tokens of each step."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the body that this judge's chat template needs."""


@dataclass(frozen=True, slots=True)
class Step:
    """One generated token, and the log-probabilities (in nats) of the tokens that might have stood there."""

    token: str
    alternatives: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the endpoint answered."""

    text: str
    steps: tuple[Step, ...] = ()
    """Empty where the endpoint sends no log-probabilities."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """How bad the judge finds the example."""

    score: float
    """From 0 (nothing to object) to 1 (certainly bad): a probability where there were log-probabilities."""
    label: str
    """In the judge's own fixed vocabulary, never free text: that could repeat what was judged."""


class UnreadableReply(Exception):
    """The reply is not in the form that the adapter knows; the message says which form that is."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """How one family of judge models is spoken to: two functions and what it can be asked about."""

    topics: frozenset[Topic]
    messages: Callable[[Case], Request]
    opinion: Callable[[Reply], Opinion]
    """Raises UnreadableReply."""
