"""From the items of a responses request to chat messages: one way of asking for the rest of the server."""

from __future__ import annotations

from typing import Any

from server.api.ask import read_text
from server.api.errors import ApiError, invalid
from server.api.options import unsupported
from server.api.schemas import ChatMessage, ChatRequest
from server.api.schemas_openai import ResponseRequest

ROLES = ("system", "developer", "user", "assistant")
LOGPROBS = "message.output_text.logprobs"
STATEFUL = {
    "previous_response_id": "send the earlier items in `input`",
    "conversation": "send the earlier items in `input`",
    "background": "wait for the answer, or stream it",
    "prompt": "send its text in `instructions`",
}
"""Fields that need a server which keeps responses, and what to do here."""


def chat_request(body: ResponseRequest) -> ChatRequest:
    """The same request as chat. Raises ApiError 400 naming the parameter."""
    for name, instead in STATEFUL.items():
        if getattr(body, name):
            raise ApiError(
                400,
                f"{name} is not supported: this server keeps no responses; {instead}.",
                code="unsupported_parameter",
                param=name,
            )
    with_logprobs = LOGPROBS in (body.include or ()) or bool(body.top_logprobs)
    return ChatRequest.model_construct(
        model=body.model,
        messages=_messages(body),
        stream=body.stream,
        temperature=body.temperature,
        top_p=body.top_p,
        max_completion_tokens=body.max_output_tokens,
        logprobs=with_logprobs,
        top_logprobs=body.top_logprobs if with_logprobs else None,
        tools=[_tool(tool, f"tools[{n}]") for n, tool in enumerate(_list(body.tools, "tools"))],
        tool_choice=_choice(body.tool_choice),
        parallel_tool_calls=body.parallel_tool_calls,
        response_format=_format(body.text.format if body.text else None),
        metadata=body.metadata,
        user=body.user,
        safety_identifier=body.safety_identifier,
        store=body.store,
    )


def _messages(body: ResponseRequest) -> list[ChatMessage]:
    items = [{"role": "user", "content": body.input}] if isinstance(body.input, str) else body.input
    first = [ChatMessage(role="system", content=body.instructions)] if body.instructions else []
    messages: list[ChatMessage] = []
    for n, item in enumerate(items):
        where = "input" if isinstance(body.input, str) else f"input[{n}]"
        message = _message(item, where)
        if message is None:
            continue
        before = messages[-1] if messages else None
        if before is not None and before.role == "assistant" and message.tool_calls and not message.content:
            before.tool_calls = [*(before.tool_calls or ()), *message.tool_calls]
        else:
            messages.append(message)
    if not messages:
        raise invalid("input is empty: send text, or items with a message.", "input", "empty_message")
    return [*first, *messages]


def _message(item: Any, where: str) -> ChatMessage | None:
    """One item; None for what a model's thinking left behind, which no model here reads."""
    kind = item.get("type", "message") if isinstance(item, dict) else None
    if kind == "message" and item.get("role") in ROLES:
        text = read_text(item.get("content"), f"{where}.content" if where != "input" else where)
        if item["role"] == "user" and not text.strip():
            raise invalid(f"{where} is empty: a user message needs text.", where, "empty_message")
        return ChatMessage(role=item["role"], content=text)
    if kind == "function_call":
        name, arguments, call = (_word(item, key, where) for key in ("name", "arguments", "call_id"))
        function = {"name": name, "arguments": arguments}
        return ChatMessage(
            role="assistant", tool_calls=[{"id": call, "type": "function", "function": function}]
        )
    if kind == "function_call_output":
        text = read_text(item.get("output"), f"{where}.output")
        return ChatMessage(role="tool", content=text, tool_call_id=_word(item, "call_id", where))
    if kind == "reasoning":
        return None
    if kind == "item_reference":
        raise invalid(f"{where} refers to an item that this server does not keep; send the item.", where)
    raise invalid(
        f"{where} must be a message with one of the roles {', '.join(ROLES)}, a function_call or a "
        "function_call_output.",
        where,
        "unsupported_content",
    )


def _word(item: dict[str, Any], key: str, where: str) -> str:
    if not isinstance(item.get(key), str):
        raise invalid(f"{where}.{key} must be text.", f"{where}.{key}", "invalid_type")
    return str(item[key])


def _list(value: Any, name: str) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise invalid(f"{name} must be a list.", name, "invalid_type")
    return value or []


def _tool(tool: Any, where: str) -> Any:
    """Responses write a function flat, chat one level deeper. Hosted tools (search, files) are refused."""
    kind = tool.get("type") if isinstance(tool, dict) else None
    if kind != "function":
        raise invalid(
            f"{where} is of type {kind!r}; this server calls functions only.", where, "unsupported_parameter"
        )
    return {"type": "function", "function": {key: tool[key] for key in tool if key != "type"}}


def _choice(choice: Any) -> Any:
    if isinstance(choice, dict) and choice.get("type") == "function":
        return {"type": "function", "function": {"name": choice.get("name")}}
    return choice


def _format(wanted: Any) -> Any:
    if not isinstance(wanted, dict):
        if wanted is None:
            return None
        raise unsupported("text.format")
    if wanted.get("type") == "json_schema":
        return {"type": "json_schema", "json_schema": {k: wanted[k] for k in wanted if k != "type"}}
    return wanted
