"""Messages to token ids and token ids to text: the tokenizer of one model, with its chat template."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from server.engine.tool_calls import BEGIN
from server.engine.types import EngineError, GenerationRequest
from server.types import Message


class Chat:
    """The tokenizer of a model that can chat. Safe to use from several threads."""

    def __init__(self, tokenizer: Any, generation_config: Any, model_name: str) -> None:
        if not getattr(tokenizer, "chat_template", None):
            raise EngineError(f"{model_name} has no chat template: choose an instruct model")
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise EngineError(f"{model_name} has no fast tokenizer (tokenizer.json): convert it first")
        self.tokenizer = tokenizer
        """transformers' own, a fast one."""
        self._backend = backend
        ends = getattr(generation_config, "eos_token_id", None)
        ends = ends if isinstance(ends, list) else [ends]
        self.end_tokens = frozenset(t for t in [*ends, tokenizer.eos_token_id] if t is not None)
        """Tokens that end an answer."""
        template = str(tokenizer.chat_template)
        self.has_tools = "tools" in template and BEGIN in template
        """Whether the template shows the model tools, and calls in the form that can be read here."""
        self._pieces: dict[int, str] = {}

    def encode_request(self, request: GenerationRequest) -> list[int]:
        """Ids of a request's prompt: its raw text, or its conversation. Raises EngineError."""
        if request.text is not None:
            raw: list[int] = self._backend.encode(request.text + request.prefill).ids
            return raw
        tools = request.options.get("tools")
        if tools or request.history:
            history = [_readable(m) for m in request.history] or _plain(request.messages)
            return self._encode(history, request.prefill, tools)
        return self.encode(request.messages, request.prefill)

    def encode(self, messages: Sequence[Message], prefill: str = "") -> list[int]:
        """Ids of the conversation with the assistant's turn opened. Raises EngineError."""
        return self._encode(_plain(messages), prefill, None)

    def _encode(self, messages: list[dict[str, Any]], prefill: str, tools: Any) -> list[int]:
        more = {"tools": tools} if tools else {}
        try:
            text: str = self.tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, tokenize=False, **more
            )
        except Exception as error:  # a template is a program of the model's: it may raise anything
            raise EngineError(f"the model's chat template refuses these messages: {error}") from error
        ids: list[int] = self._backend.encode(text + prefill, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of an answer's ids, without special tokens."""
        text: str = self._backend.decode(ids, skip_special_tokens=True)
        return text

    def piece(self, token: int) -> str:
        """How one token reads by itself, special tokens included."""
        if token not in self._pieces:
            self._pieces[token] = self._backend.decode([token], skip_special_tokens=False)
        return self._pieces[token]


def _plain(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [{"role": m.role, "content": m.content} for m in messages]


def _readable(message: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI writes the arguments of a call as a string of JSON; templates want what it says."""
    calls = [
        {**call, "function": {**call["function"], "arguments": _arguments(call["function"])}}
        for call in message.get("tool_calls") or ()
    ]
    return {**message, "tool_calls": calls} if calls else dict(message)


def _arguments(function: Mapping[str, Any]) -> Any:
    try:
        return json.loads(function["arguments"])
    except ValueError:
        return function["arguments"]


class TextStream:
    """Turns ids into text as they come, holding back what is not yet a whole character.

    The pieces joined are the text of all ids together. Decoding starts a few ids back, because some
    tokenizers write a token differently at the beginning of a text.
    """

    __slots__ = ("_chat", "_ids", "_prefix", "_read")

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._ids: list[int] = []
        self._prefix = 0
        self._read = 0

    def push(self, token: int) -> str:
        """What the token adds to the text; '' while a character is incomplete."""
        self._ids.append(token)
        return self._advance(final=False)

    def flush(self) -> str:
        """What was held back, when no more tokens come."""
        return self._advance(final=True)

    def _advance(self, final: bool) -> str:
        if self._read == len(self._ids):
            return ""
        known = self._chat.decode(self._ids[self._prefix : self._read]) if self._read > self._prefix else ""
        text = self._chat.decode(self._ids[self._prefix :])
        if not final and (len(text) <= len(known) or text.endswith("\ufffd")):
            return ""
        self._prefix, self._read = self._read, len(self._ids)
        return text[len(known) :]
