"""Formats of answers and forced calls: whether they are said as OpenAI says them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from server.api.errors import invalid

FORMATS = ("text", "json_object", "json_schema")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check_format(wanted: Any) -> None:
    """Raise ApiError 400 for a response_format that is none. What its schema says is the engine's affair."""
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in FORMATS:
        raise invalid(
            f"response_format.type is {kind!r}; it must be one of {', '.join(FORMATS)}.",
            "response_format.type",
        )
    if kind == "json_schema":
        _check_schema(wanted.get("json_schema"), "response_format.json_schema")


def _check_schema(said: Any, where: str) -> None:
    if not isinstance(said, dict):
        raise invalid(f"{where} must be {{'name', 'schema', 'strict'}}.", where, "missing_required_parameter")
    name = said.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid(
            f"{where}.name must be 1 to 64 letters, digits, underscores and dashes.", f"{where}.name"
        )
    if not isinstance(said.get("schema", {}), dict):
        raise invalid(f"{where}.schema must be a JSON schema, an object.", f"{where}.schema", "invalid_type")
    if not isinstance(said.get("strict"), bool | None):
        raise invalid(f"{where}.strict must be true or false.", f"{where}.strict", "invalid_type")


def check_choice(choice: Any, tools: Sequence[Any]) -> None:
    """Raise ApiError 400 for a tool_choice that forces nothing which could be called."""
    if choice == "required":
        return
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(name, str) or choice.get("type") != "function":
        raise invalid(
            "tool_choice must be 'none', 'auto', 'required' or "
            "{'type': 'function', 'function': {'name': '…'}}.",
            "tool_choice",
        )
    if name not in [tool["function"]["name"] for tool in tools]:
        raise invalid(f"tool_choice names {name!r}, which is none of the tools.", "tool_choice")
