"""Completions and chunks as JSON. No pydantic here: a chunk is built for every token."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from server.api.capture import Outcome
from server.engine.types import Chunk, TokenLogprob
from server.router import Choice

DONE = b"data: [DONE]\n\n"


@dataclass(slots=True)
class Said:
    """One answer as far as it has been generated."""

    parts: list[str] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, chunk: Chunk) -> None:
        """Take in what one step of the engine added."""
        self.parts.append(chunk.text)
        self.logprobs += token_logprobs(chunk)
        if chunk.finish_reason is not None:
            self.finish_reason = chunk.finish_reason
            self.prompt_tokens = chunk.prompt_tokens
            self.completion_tokens = chunk.completion_tokens

    def withhold(self) -> None:
        """Take the answer back before it is sent: moderation kept it."""
        self.parts, self.logprobs, self.finish_reason = [], [], "content_filter"

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.parts)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every body and every chunk of one answer carries."""

    id: str
    model: str
    digest: str
    choice: Choice
    with_logprobs: bool

    def head(self, kind: str) -> dict[str, Any]:
        """The fields in front, the same in every chunk."""
        return {
            "id": f"chatcmpl-{self.id}",
            "object": kind,
            "created": int(time.time()),
            "model": f"{self.model}@{self.choice.version}",
            "system_fingerprint": f"lg-{self.digest[:12]}",
            "adapter": {
                "version": self.choice.version,
                "digest": self.digest,
                "arm": self.choice.arm.value,
                "rollout": self.choice.rollout,
            },
        }

    def completion(self, answers: Sequence[Said], outcome: Outcome) -> dict[str, Any]:
        """The whole answer of a request that did not stream."""
        return {
            **self.head("chat.completion"),
            "turn": turn_note(outcome),
            "choices": [
                {
                    "index": index,
                    "message": {"role": "assistant", "content": said.text, "refusal": None},
                    "logprobs": self._logprobs(said.logprobs),
                    "finish_reason": said.finish_reason,
                }
                for index, said in enumerate(answers)
            ],
            "usage": usage(answers),
        }

    def delta(
        self,
        head: dict[str, Any],
        index: int,
        delta: dict[str, str],
        logprobs: list[dict[str, Any]] | None = None,
        finish_reason: str | None = None,
    ) -> bytes:
        """One event of a stream."""
        head["choices"] = [
            {
                "index": index,
                "delta": delta,
                "logprobs": self._logprobs(logprobs or []) if delta else None,
                "finish_reason": finish_reason,
            }
        ]
        return event(head)

    def _logprobs(self, tokens: list[dict[str, Any]]) -> dict[str, Any] | None:
        return {"content": tokens, "refusal": None} if self.with_logprobs else None


def event(body: dict[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def usage(answers: Sequence[Said]) -> dict[str, int]:
    """Tokens of the prompt, which is read once, and of all answers to it."""
    prompt = max((said.prompt_tokens for said in answers), default=0)
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
