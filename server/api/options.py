"""Fields of a chat request that an engine may or may not be able to do: passed on, or refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.api.errors import ApiError, invalid
from server.api.formats import check_choice, check_format
from server.api.schemas import ChatMessage, ChatRequest
from server.api.text import is_unicode
from server.engine.types import Feature

MAX_TOOLS = 128
FEATURES: dict[str, tuple[Feature, tuple[Any, ...]]] = {
    "response_format": ("response_format", (None, {"type": "text"})),
    "presence_penalty": ("penalties", (None, 0)),
    "frequency_penalty": ("penalties", (None, 0)),
    "logit_bias": ("logit_bias", (None, {})),
}
"""Field → the feature that it needs, and the values that need nothing."""
NEVER: dict[str, tuple[Any, ...]] = {
    "functions": (None, []),
    "function_call": (None, "none", "auto"),
    "modalities": (None, ["text"]),
    "audio": (None,),
    "web_search_options": (None,),
}
"""Fields that no engine here does, and the values that ask for what happens anyway."""


def read(request: ChatRequest, features: frozenset[Feature]) -> dict[str, Any]:
    """What the engine is to be told, as the client sent it. Raises ApiError 400 naming the field."""
    for name, harmless in NEVER.items():
        if getattr(request, name) not in harmless:
            raise unsupported(name)
    options = _tools(request, features)
    for name, (feature, harmless) in FEATURES.items():
        value = getattr(request, name)
        if value in harmless:
            continue
        if feature not in features:
            raise unsupported(name)
        if name == "response_format":
            check_format(value)
        options[name] = value
    for name, value in options.items():
        try:
            whole = is_unicode(value)
        except RecursionError:
            raise invalid(f"{name} is nested too deeply.", name) from None
        if not whole:
            raise invalid(f"{name} holds half of a surrogate pair, which is no character.", name)
    return options


def unsupported(name: str) -> ApiError:
    """The refusal of a field that would have to be ignored."""
    return ApiError(
        400,
        f"{name} is not supported by this server's engine, and ignoring it would change what the answer "
        "means; leave it out.",
        code="unsupported_parameter",
        param=name,
    )


def history(messages: Sequence[ChatMessage], texts: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    """The conversation in OpenAI's form, `texts` being the messages' texts; () where plain messages say all.

    Raises ApiError 400 for calls or results of tools that are none.
    """
    if not any(message.tool_calls or message.role == "tool" for message in messages):
        return ()
    return tuple(
        _said(message, text, f"messages[{n}]")
        for n, (message, text) in enumerate(zip(messages, texts, strict=True))
    )


def _said(message: ChatMessage, text: str, where: str) -> Mapping[str, Any]:
    role = "system" if message.role == "developer" else message.role
    said: dict[str, Any] = {"role": role, "content": text}
    if message.role == "tool":
        if not isinstance(message.tool_call_id, str):
            raise invalid(
                f"{where}.tool_call_id must name the call that this answers.", f"{where}.tool_call_id"
            )
        said["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        said["tool_calls"] = _calls(message.tool_calls, f"{where}.tool_calls")
        said["content"] = text or None
    return said


def _calls(calls: Any, where: str) -> list[dict[str, Any]]:
    checked = []
    for n, call in enumerate(calls if isinstance(calls, list) else [calls]):
        function = call.get("function") if isinstance(call, dict) else None
        words = [function.get(k) for k in ("name", "arguments")] if isinstance(function, dict) else [None]
        words_are_text = all(isinstance(word, str) for word in [*words, call.get("id") if function else None])
        if not words_are_text or not is_unicode(call):
            raise invalid(
                f"{where}[{n}] must be {{'id', 'type': 'function', 'function': {{'name', 'arguments'}}}}, "
                "all strings.",
                f"{where}[{n}]",
                "invalid_type",
            )
        name, arguments = words
        checked.append(
            {"id": call["id"], "type": "function", "function": {"name": name, "arguments": arguments}}
        )
    return checked


def _tools(request: ChatRequest, features: frozenset[Feature]) -> dict[str, Any]:
    choice = request.tool_choice
    if not request.tools:
        if choice not in (None, "none", "auto"):
            raise invalid("tool_choice names tools, and the request has none.", "tool_choice")
        return {}
    if choice == "none":
        return {}  # tools that must not be called: as if there were none
    if "tools" not in features:
        raise unsupported("tools")
    _check_tools(request.tools)
    options: dict[str, Any] = {"tools": request.tools}
    if choice not in (None, "auto"):
        if "tool_choice" not in features:
            raise unsupported("tool_choice")
        check_choice(choice, request.tools)
        options["tool_choice"] = choice
    if request.parallel_tool_calls is not None:
        options["parallel_tool_calls"] = request.parallel_tool_calls
    return options


def _check_tools(tools: Any) -> None:
    if not isinstance(tools, list) or len(tools) > MAX_TOOLS:
        raise invalid(f"tools must be a list of at most {MAX_TOOLS} functions.", "tools")
    for n, tool in enumerate(tools):
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type") != "function":
            raise invalid(
                f"tools[{n}] must be {{'type': 'function', 'function': {{…}}}}: this server calls no others.",
                f"tools[{n}]",
            )
        if not isinstance(function.get("name"), str) or not function["name"]:
            raise invalid(f"tools[{n}].function.name must be text.", f"tools[{n}].function.name")
