"""Chat completions as JSON and as a stream of chunks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from server.api.ask import Ask
from server.api.capture import Outcome
from server.api.errors import ApiError
from server.api.wire import DONE, Origin, Said, compact, event, token_logprobs, turn_note, usage
from server.engine.types import Chunk

_TEXT_FOLLOWS = b'"delta":{"content":'
_TEXT_ENDS = b'},"logprobs":null,"finish_reason":null}]}\n\n'


class ChatForm:
    """OpenAI's `chat.completion` and `chat.completion.chunk`.

    All that is the same in every chunk of text is written once: per token only the text itself is encoded.
    """

    def __init__(self, origin: Origin, ask: Ask) -> None:
        self._ask = ask
        self._with_logprobs = ask.sampling.logprobs is not None
        self._whole = {
            "id": f"chatcmpl-{origin.id}",
            "object": "chat.completion",
            "created": origin.created,
            **origin.named(),
        }
        self._head: dict[str, Any] = {**self._whole, "object": "chat.completion.chunk"}
        if ask.include_usage:
            self._head["usage"] = None
        before = b"data: " + compact(self._head)[:-1] + b',"choices":[{"index":'
        self._before = [before + b"%d," % index + _TEXT_FOLLOWS for index in range(ask.answers)]

    def whole(
        self, answers: Sequence[Said], outcome: Outcome, moderation: dict[str, Any] | None
    ) -> dict[str, Any]:
        """A `chat.completion`."""
        choices = [
            {
                "index": index,
                "message": _message(said),
                "logprobs": self._logprobs(said.logprobs),
                "finish_reason": said.finish_reason,
            }
            for index, said in enumerate(answers)
        ]
        body = {**self._whole, "turn": turn_note(outcome), "choices": choices, "usage": usage(answers)}
        return body if moderation is None else {**body, "moderation": moderation}

    def begin(self) -> Iterator[bytes]:
        """The role, once an answer."""
        for index in range(self._ask.answers):
            yield self._delta(index, {"role": "assistant", "content": ""}, [])

    def step(self, index: int, chunk: Chunk) -> bytes:
        """Text alone is the common case, and the cheap one."""
        if self._with_logprobs or chunk.tool_calls:
            calls = {"tool_calls": list(chunk.tool_calls)} if chunk.tool_calls else {}
            content = {"content": chunk.text} if chunk.text or not calls else {}
            return self._delta(index, {**content, **calls}, token_logprobs(chunk))
        return self._before[index] + json.dumps(chunk.text, ensure_ascii=False).encode() + _TEXT_ENDS

    def end(
        self, answers: Sequence[Said], outcome: Outcome, moderation: dict[str, Any] | None, held: bool
    ) -> Iterator[bytes]:
        """Why each answer ended, the turn, what moderation found, the usage."""
        self._head["turn"] = turn_note(outcome)
        for index, said in enumerate(answers if held else ()):
            calls = [{"index": n, **call} for n, call in enumerate(said.tool_calls)]
            more = {"tool_calls": calls} if calls else {}
            yield self._delta(index, {"content": said.text, **more}, said.logprobs)
        for index, said in enumerate(answers):
            yield self._delta(index, {}, None, said.finish_reason)
        if moderation is not None:
            yield event({**self._head, "choices": [], "moderation": moderation})
        if self._ask.include_usage:
            yield event({**self._head, "choices": [], "usage": usage(answers)})
        yield DONE

    def broken(self, error: ApiError) -> Iterable[bytes]:
        """One event with the error; no [DONE] follows."""
        return (event(error.body()),)

    def _delta(
        self,
        index: int,
        delta: dict[str, Any],
        logprobs: list[dict[str, Any]] | None,
        finish_reason: str | None = None,
    ) -> bytes:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": None if logprobs is None else self._logprobs(logprobs),
            "finish_reason": finish_reason,
        }
        return event({**self._head, "choices": [choice]})

    def _logprobs(self, tokens: list[dict[str, Any]]) -> dict[str, Any] | None:
        return {"content": tokens, "refusal": None} if self._with_logprobs else None


def _message(said: Said) -> dict[str, Any]:
    message = {"role": "assistant", "content": said.text, "refusal": None}
    if not said.tool_calls:
        return message
    return {**message, "content": said.text or None, "tool_calls": said.tool_calls}
