"""Calls of tools in a stream of text, in the form that Hermes, Qwen and SmolLM3 templates teach.

`<tool_call>{"name": …, "arguments": {…}}</tool_call>`, as often as the model likes, text around it. What does
not read as a call is text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from server.engine.text import StopFilter
from server.engine.types import FinishReason, GenerationRequest

BEGIN, END = "<tool_call>", "</tool_call>"
Calls = tuple[Mapping[str, Any], ...]
_BEGUN = re.compile(r'\s*\{\s*"name"\s*:\s*"([^"\\]+)"\s*,\s*"arguments"\s*:\s*(.*)\Z', re.DOTALL)
"""A call up to somewhere in its arguments: the name, and what there is of them."""


class ToolCallFilter:
    """Passes text on, except calls, which are held until they are whole."""

    __slots__ = ("_begin", "_forced", "_held", "_made", "_named", "_request_id")

    def __init__(self, request_id: str, named: bool = False, forced: bool = False) -> None:
        """`named`: the request named the function that is to be called. `forced`: it asked for a call,
        whichever, so that what begins as one is one."""
        self._request_id = request_id
        self._named = named
        self._forced = forced or named
        self._begin = StopFilter((BEGIN,))
        self._held: str | None = None
        """What follows the mark of a call that has not ended; None outside of calls."""
        self._made = 0

    @property
    def finish(self) -> FinishReason:
        """How an answer ends that ends by itself: OpenAI says `stop` where the function was named."""
        return "tool_calls" if self._made and not self._named else "stop"

    def push(self, text: str) -> tuple[str, Calls]:
        """(text to show now, calls that this piece completed in OpenAI's streamed form)."""
        shown = ""
        calls: list[Mapping[str, Any]] = []
        while True:
            if self._held is None:
                piece, met, rest = self._find(text)
                shown += piece
                if not met:
                    return shown, tuple(calls)
                self._held, text = "", rest
            self._held += text
            at = self._held.find(END)
            if at < 0:
                return shown, tuple(calls)
            inside, text, self._held = self._held[:at], self._held[at + len(END) :], None
            call = self._call(inside)
            if call is None:
                shown += f"{BEGIN}{inside}{END}"
            else:
                calls.append(call)

    def flush(self) -> tuple[str, Calls]:
        """What was held back when no more text comes: the beginning of a call is text after all, but where a
        call was asked for. There it is a call whose arguments were cut, as OpenAI gives it."""
        if self._held is None:
            return self._begin.flush(), ()
        held, self._held = self._held, None
        call = self._cut(held) if self._forced else None
        return ("", (call,)) if call else (f"{BEGIN}{held}", ())

    def _find(self, text: str) -> tuple[str, bool, str]:
        """(text before the mark, whether the mark was met, text behind it)."""
        whole = self._begin.flush() + text
        shown, met = self._begin.push(whole)
        return shown, met, whole[len(shown) + len(BEGIN) :] if met else ""

    def _call(self, inside: str) -> Mapping[str, Any] | None:
        try:
            said = json.loads(inside)
            name, arguments = said["name"], said.get("arguments", {})
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return None
        return self._made_call(name, json.dumps(arguments, ensure_ascii=False))

    def _cut(self, inside: str) -> Mapping[str, Any] | None:
        """A call that was cut: in its arguments, or where only the mark of its end was lacking."""
        body, mark, rest = inside.rpartition("<")
        if whole := self._call(body if mark and END.startswith(mark + rest) else inside):
            return whole
        begun = _BEGUN.match(inside)
        return self._made_call(begun[1], begun[2]) if begun else None

    def _made_call(self, name: str, arguments: str) -> Mapping[str, Any]:
        index, self._made = self._made, self._made + 1
        ident = sha256(f"{self._request_id}/{index}".encode()).hexdigest()[:24]
        function = {"name": name, "arguments": arguments}
        return {"index": index, "id": f"call_{ident}", "type": "function", "function": function}


def tool_call_filter(request: GenerationRequest) -> ToolCallFilter | None:
    """What reads a request's answer for calls; None where it has no tools."""
    if not request.options.get("tools"):
        return None
    choice = request.options.get("tool_choice")
    return ToolCallFilter(request.id, named=isinstance(choice, dict), forced=choice == "required")
