"""What an engine is: the protocol that embedded, vllm and fake all meet, and the words it speaks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from server.types import BASE_VERSION, Message

FinishReason = Literal["stop", "length", "tool_calls"]
Feature = Literal["tools", "tool_choice", "response_format", "penalties", "logit_bias"]
"""What an engine may do beyond what all do. `tool_choice`: also forcing a call. `penalties`: presence and
frequency."""


class EngineError(Exception):
    """The engine could not do what was asked."""


class VersionNotLoaded(EngineError):
    """A request named a version that this engine has not loaded."""


class ContextLengthExceeded(EngineError):
    """The prompt does not fit in the model's context."""


class BadAdapter(EngineError):
    """An adapter folder is missing, truncated, or made for another base model."""


class RequestRefused(EngineError):
    """The engine cannot do what this request asks: it must be changed.

    `field` names what of it, as chat requests call it; '' where that is not known.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class EngineDead(EngineError):
    """The engine stopped and cannot answer; restart the server."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen. Temperature 0 is greedy."""

    max_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    """How many alternatives to report for each token; None reports no log-probabilities at all."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One answer to generate, from exactly one version."""

    id: str
    messages: tuple[Message, ...]
    version: str = BASE_VERSION
    sampling: Sampling = field(default_factory=Sampling)
    prefill: str = ""
    """Words put into the assistant's mouth; generation goes on after them. Not repeated in the output."""
    background: bool = False
    """Self-edit writing: admitted only into slots that no chat request waits for."""
    text: str | None = None
    """A raw prompt, tokenized as it is, in place of `messages`: no chat template."""
    history: tuple[Mapping[str, Any], ...] = ()
    """The conversation in OpenAI's own form, given when `messages` cannot say all of it (tool calls and their
    results); engines that have `tools` read it in place of `messages`."""
    cache_salt: str = ""
    """Whose prompt it is. An engine that keeps what it has read reuses it only under the same salt."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of OpenAI's chat request for the engine's features, as the client sent them: tools, tool_choice,
    parallel_tool_calls, response_format, presence_penalty, frequency_penalty, logit_bias. Only fields of
    features that the engine has are ever given."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """Natural-log probability of a token under the model's distribution, before temperature and top_p.

    Where a grammar holds the answer: among the tokens that it allows, as these alone could be said.
    """

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one step of an answer adds. The last chunk, and only it, has a finish reason."""

    text: str
    """May be '' while a character's bytes or a stop string are incomplete."""
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[tuple[TokenLogprob, tuple[TokenLogprob, ...]], ...] = ()
    """Per token: itself, then the asked number of most probable alternatives; fewer where a grammar allows
    fewer."""
    finish_reason: FinishReason | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    """Both counts are set on the last chunk."""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    """What this step adds to the calls of tools, in OpenAI's streamed form: {index, id?, type?, function}."""


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """What /readyz and metrics tell of an engine."""

    alive: bool
    running: int
    """Requests in the batch now."""
    waiting: int
    detail: str = ""


class Engine(Protocol):
    """Generates answers from versions of one base model. All methods are called on one event loop."""

    model_name: str
    """The id under which the base is served, e.g. `smollm2`."""
    base_digest: str
    """sha256 over the base model's files: deltas name the base they were trained on."""
    max_model_len: int
    """Tokens of prompt and answer together."""

    @property
    def features(self) -> frozenset[Feature]:
        """What it can do beyond plain text; known once started. What is not named is refused by the API."""
        ...

    @property
    def busy(self) -> int:
        """Chat requests running or waiting: the learner makes way while there are any. Never blocks."""
        ...

    async def start(self) -> None:
        """Load the base model; raises EngineError with what to do when it cannot."""
        ...

    async def close(self) -> None:
        """Stop; requests in flight end with EngineDead."""
        ...

    def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk]:
        """Stream one answer. Closing the iterator (aclose) cancels it and frees its slot.

        Raises VersionNotLoaded, ContextLengthExceeded, RequestRefused or EngineDead, before the first chunk
        where possible.
        """
        ...

    async def load(self, version: str, path: Path) -> None:
        """Make a version servable from its composed PEFT folder. Idempotent. Raises BadAdapter."""
        ...

    async def unload(self, version: str) -> None:
        """Forget a version once its requests in flight have finished. Unknown names are no error."""
        ...

    def loaded(self) -> frozenset[str]:
        """The versions that can be asked now, the base included."""
        ...

    async def score(self, version: str, prompts: Sequence[str]) -> str:
        """What a version does with fixed prompts, as one digest: equal for equal weights, at any time.

        sha256 over the raw float32 last-token logits where the engine shows them, each prompt run alone; an
        engine that shows none says in its own documentation what it digests. Each prompt is one user message
        in the chat template with generation prompt.
        """
        ...

    async def log_likelihoods(
        self, version: str, messages: Sequence[Message], answers: Sequence[str]
    ) -> list[float]:
        """How likely the version finds each answer to a conversation: nats a token, mean, at most 0.

        Each is run alone, between two steps of the batch. Raises ContextLengthExceeded.
        """
        ...

    def health(self) -> EngineHealth:
        """Never blocks."""
        ...
