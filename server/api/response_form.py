"""Responses as JSON and as OpenAI's sequence of typed events."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from server.api.ask import Ask
from server.api.capture import Outcome
from server.api.errors import ApiError
from server.api.wire import Origin, Said, compact, token_logprobs, turn_note, usage
from server.engine.types import Chunk

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


class ResponseForm:
    """One response: a message, and calls of functions if the model made any.

    `echo` is what the request said that the response repeats. Items are closed when the answer has ended.
    """

    def __init__(self, origin: Origin, ask: Ask, echo: Mapping[str, Any]) -> None:
        self._id = origin.id
        self._head: dict[str, Any] = {
            "id": f"resp_{origin.id}",
            "object": "response",
            "created_at": origin.created,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            **origin.named(),
            **echo,
            "output": [],
            "usage": None,
        }
        self._with_logprobs = ask.sampling.logprobs is not None
        self._sequence = 0
        self._message_at: int | None = None
        self._call_at: dict[int, int] = {}
        """Output index of the message, and of each call by the engine's number of it."""
        self._before_text = b""

    def whole(
        self, answers: Sequence[Said], outcome: Outcome, moderation: dict[str, Any] | None
    ) -> dict[str, Any]:
        """A `response`, completed or incomplete."""
        said = answers[0]
        if said.text or not said.tool_calls:
            self._place_message()
        for index in range(len(said.tool_calls)):
            self._place_call(index)
        return self._ended(said, outcome, moderation)

    def begin(self) -> Iterator[bytes]:
        """Created, and in progress."""
        yield self._event("response.created", response=self._head)
        yield self._event("response.in_progress", response=self._head)

    def step(self, index: int, chunk: Chunk) -> bytes:
        """A piece of text is one event, once its item is open; so is a piece of a call's arguments."""
        events = b""
        if chunk.text:
            events = self._text(chunk.text, token_logprobs(chunk) if self._with_logprobs else [])
        return events + b"".join(self._call(call) for call in chunk.tool_calls)

    def end(
        self, answers: Sequence[Said], outcome: Outcome, moderation: dict[str, Any] | None, held: bool
    ) -> Iterator[bytes]:
        """Every item closed, then the whole response."""
        said = answers[0]
        if held and said.text:
            yield self._text(said.text, said.logprobs)
        for index, call in enumerate(said.tool_calls if held else ()):
            yield self._call({"index": index, **call})
        if self._message_at is None and not self._call_at:
            yield self._open_message()
        ended = self._ended(said, outcome, moderation)
        for at, item in enumerate(ended["output"]):
            yield from self._closed(at, item)
        yield self._event(f"response.{ended['status']}", response=ended)

    def broken(self, error: ApiError) -> Iterable[bytes]:
        """The response, failed."""
        code = "server_error" if error.status >= 500 else error.code
        failure = {"code": code, "message": error.message}
        failed = {**self._head, "status": "failed", "error": failure}
        return (self._event("response.failed", response=failed),)

    def _ended(self, said: Said, outcome: Outcome, moderation: dict[str, Any] | None) -> dict[str, Any]:
        reason = INCOMPLETE.get(said.finish_reason or "")
        used = usage([said])
        response = {
            **self._head,
            "status": "incomplete" if reason else "completed",
            "completed_at": None if reason else int(time.time()),
            "incomplete_details": {"reason": reason} if reason else None,
            "output": self._output(said, "incomplete" if reason else "completed"),
            "turn": turn_note(outcome),
            "usage": {
                "input_tokens": used["prompt_tokens"],
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": used["completion_tokens"],
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": used["total_tokens"],
            },
        }
        return response if moderation is None else {**response, "moderation": moderation}

    def _output(self, said: Said, status: str) -> list[dict[str, Any]]:
        placed: dict[int, dict[str, Any]] = {}
        if self._message_at is not None:
            placed[self._message_at] = self._message([_part(said.text, said.logprobs)], status)
        for index, at in self._call_at.items():
            function = said.tool_calls[index]["function"]
            placed[at] = self._call_item(
                index, said.tool_calls[index]["id"], function["name"], function["arguments"], status
            )
        return [placed[at] for at in sorted(placed)]

    def _text(self, text: str, logprobs: list[dict[str, Any]]) -> bytes:
        opening = self._open_message() if self._message_at is None else b""
        written = json.dumps(text, ensure_ascii=False).encode()
        self._sequence += 1
        after = b',"logprobs":%b,"sequence_number":%d}\n\n' % (compact(logprobs), self._sequence - 1)
        return opening + self._before_text + written + after

    def _open_message(self) -> bytes:
        at = self._place_message()
        item = f"msg_{self._id}"
        delta = {
            "type": "response.output_text.delta",
            "item_id": item,
            "output_index": at,
            "content_index": 0,
        }
        self._before_text = b"event: response.output_text.delta\ndata: " + compact(delta)[:-1] + b',"delta":'
        added = self._event(
            "response.output_item.added", output_index=at, item=self._message([], "in_progress")
        )
        return added + self._event(
            "response.content_part.added", item_id=item, output_index=at, content_index=0, part=_part("", [])
        )

    def _call(self, call: Mapping[str, Any]) -> bytes:
        index, events = call["index"], b""
        function = call.get("function") or {}
        if index not in self._call_at:
            item = self._call_item(index, call.get("id", ""), function.get("name", ""), "", "in_progress")
            events = self._event(
                "response.output_item.added", output_index=self._place_call(index), item=item
            )
        arguments = function.get("arguments")
        if arguments:
            events += self._event(
                "response.function_call_arguments.delta",
                item_id=f"fc_{self._id}_{index}",
                output_index=self._call_at[index],
                delta=arguments,
            )
        return events

    def _closed(self, at: int, item: dict[str, Any]) -> Iterator[bytes]:
        where = {"item_id": item["id"], "output_index": at}
        if item["type"] == "message":
            part = item["content"][0]
            text = {"text": part["text"], "logprobs": part["logprobs"]}
            yield self._event("response.output_text.done", **where, content_index=0, **text)
            yield self._event("response.content_part.done", **where, content_index=0, part=part)
        else:
            called = {"name": item["name"], "arguments": item["arguments"]}
            yield self._event("response.function_call_arguments.done", **where, **called)
        yield self._event("response.output_item.done", output_index=at, item=item)

    def _place_message(self) -> int:
        self._message_at = len(self._call_at)
        return self._message_at

    def _place_call(self, index: int) -> int:
        self._call_at[index] = len(self._call_at) + (self._message_at is not None)
        return self._call_at[index]

    def _message(self, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
        return {
            "id": f"msg_{self._id}",
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def _call_item(self, index: int, call_id: str, name: str, arguments: str, status: str) -> dict[str, Any]:
        return {
            "id": f"fc_{self._id}_{index}",
            "type": "function_call",
            "status": status,
            "call_id": call_id,
            "name": name,
            "arguments": arguments,
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        body = {"type": kind, **fields, "sequence_number": self._sequence}
        self._sequence += 1
        return b"event: " + kind.encode() + b"\ndata: " + compact(body) + b"\n\n"


def _part(text: str, logprobs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": logprobs}
