"""What all kinds of answers share on their way out: what was said, who said it, and how it is written down.

No pydantic here: a chunk is written for every token.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from server.api.capture import Outcome
from server.api.errors import ApiError
from server.engine.types import Chunk, TokenLogprob
from server.router import Choice

DONE = b"data: [DONE]\n\n"


@dataclass(slots=True)
class Said:
    """One answer as far as it has been generated."""

    parts: list[str] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    """Whole calls in OpenAI's form: {id, type, function: {name, arguments}}."""
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, chunk: Chunk) -> None:
        """Take in what one step of the engine added."""
        if chunk.text:
            self.parts.append(chunk.text)
        if chunk.logprobs:
            self.logprobs += token_logprobs(chunk)
        for call in chunk.tool_calls:
            self._add_call(call)
        if chunk.finish_reason is not None:
            self.finish_reason = chunk.finish_reason
            self.prompt_tokens = chunk.prompt_tokens
            self.completion_tokens = chunk.completion_tokens

    def _add_call(self, delta: Any) -> None:
        while len(self.tool_calls) <= delta["index"]:
            self.tool_calls.append({"id": "", "type": "function", "function": {"name": "", "arguments": ""}})
        call = self.tool_calls[delta["index"]]
        call["id"] = delta.get("id") or call["id"]
        for name, text in (delta.get("function") or {}).items():
            call["function"][name] = call["function"].get(name, "") + (text or "")

    def withhold(self) -> None:
        """Take the answer back before it is sent: moderation kept it."""
        self.parts, self.logprobs, self.tool_calls, self.finish_reason = [], [], [], "content_filter"

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.parts)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an answer comes from: its id, and the version that gave it."""

    id: str
    model: str
    digest: str
    choice: Choice
    created: int
    """Seconds since the epoch."""

    def named(self) -> dict[str, Any]:
        """What every body and every chunk says of it."""
        return {
            "model": f"{self.model}@{self.choice.version}",
            "system_fingerprint": f"lg-{self.digest[:12]}",
            "adapter": {
                "version": self.choice.version,
                "digest": self.digest,
                "arm": self.choice.arm.value,
                "rollout": self.choice.rollout,
            },
        }


class Form(Protocol):
    """How one route writes its answers: whole, or as the events of a stream."""

    def whole(
        self, answers: Sequence[Said], outcome: Outcome, moderation: dict[str, Any] | None
    ) -> dict[str, Any]:
        """The body of a request that does not stream."""
        ...

    def begin(self) -> Iterable[bytes]:
        """What a stream says before its first text."""
        ...

    def step(self, index: int, chunk: Chunk) -> bytes:
        """What one step of the engine adds to an answer."""
        ...

    def end(
        self,
        answers: Sequence[Said],
        outcome: Outcome,
        moderation: dict[str, Any] | None,
        held: bool,
    ) -> Iterable[bytes]:
        """The rest of a stream, the turn being on disk. `held`: nothing of the text has been said yet."""
        ...

    def broken(self, error: ApiError) -> Iterable[bytes]:
        """The end of a stream that failed."""
        ...


def event(body: dict[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data: " + compact(body) + b"\n\n"


def compact(body: Any) -> bytes:
    """JSON without spaces, in UTF-8."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def usage(answers: Sequence[Said], choices: int | None = None) -> dict[str, int]:
    """Tokens of each prompt, which is read once for its `choices` answers (None: all), and of all answers."""
    step = choices or max(1, len(answers))
    groups = [answers[at : at + step] for at in range(0, len(answers), step)]
    prompt = sum(max(said.prompt_tokens for said in group) for group in groups)
    completion = sum(said.completion_tokens for said in answers)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def turn_note(outcome: Outcome) -> dict[str, Any]:
    """What the client is told of the turn: its id, and whether it may teach."""
    note: dict[str, Any] = {
        "id": outcome.turn.id,
        "recorded": outcome.recorded,
        "state": outcome.turn.state.value,
    }
    reason = outcome.reason or outcome.turn.reason
    return {**note, "reason": reason} if reason else note


def token_logprobs(chunk: Chunk) -> list[dict[str, Any]]:
    """OpenAI's form of the engine's log-probabilities."""
    return [
        {**_token(token), "top_logprobs": [_token(other) for other in top]} for token, top in chunk.logprobs
    ]


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.logprob, "bytes": list(token.token.encode())}
