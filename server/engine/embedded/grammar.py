"""What an answer is held to, written as one grammar in llguidance's dialect of Lark.

A format is JSON of a schema. A forced call is the form that server.engine.tool_calls reads back, its
arguments JSON of the function's parameters. Where tools may be called and the answer has a format, it is
either.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.engine.tool_calls import BEGIN, END
from server.engine.types import RequestRefused

MAX_SCHEMA_BYTES = 64 * 2**10
"""Of all schemas of a request together: what compiling costs grows with it, stack and time."""
SPACING = {"whitespace_flexible": False, "item_separator": ",[ ]?", "key_separator": ":[ ]?"}
"""One line, at most a space after commas and colons. Where any blanks are allowed a small model that has lost
its way writes blanks until its tokens are used up."""
_NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Grammar:
    """The text, and which field of the request each of its lines comes from ('' for none)."""

    text: str
    fields: tuple[str, ...]


def grammar(options: Mapping[str, Any]) -> Grammar | None:
    """The grammar of a request's options; None where they ask for none. Raises RequestRefused."""
    choice, tools = options.get("tool_choice"), options.get("tools") or ()
    forced = choice not in (None, "auto", "none")
    schema = None if forced else _format(options.get("response_format"))
    start, lines, fields = list[str](), list[str](), [""]
    if schema is not None:
        start.append("json")
        lines.append(f"json: {_json(schema, 'response_format')}")
        fields.append("response_format")
    if forced or (schema is not None and tools):
        one = forced and (choice != "required" or options.get("parallel_tool_calls") is False)
        start.append("call" if one else r'call ("\n" call)*')
        calls = _calls(tools, choice["function"]["name"] if isinstance(choice, dict) else None)
        lines += [f"call: {' | '.join(rule for rule, _, _ in calls)}", *(line for _, line, _ in calls)]
        fields += ["tools", *(field for _, _, field in calls)]
    if not start:
        return None
    text = "\n".join([f"start: {' | '.join(start)}", *lines])
    size = len(text.encode())
    if size > MAX_SCHEMA_BYTES:
        raise RequestRefused(
            f"{fields[1]} has schemas of {size:,} bytes; at most {MAX_SCHEMA_BYTES:,} are compiled, "
            "make them smaller",
            fields[1],
        )
    return Grammar(text, tuple(fields))


def _format(wanted: Any) -> dict[str, Any] | None:
    match wanted:
        case {"type": "json_object"}:
            return _read({"type": "object"}, None)
        case {"type": "json_schema", "json_schema": {"schema": dict(schema), **more}}:
            return _read(schema, more.get("strict"))
        case {"type": "json_schema"}:
            return _read({}, None)
    return None


def _calls(tools: Sequence[Mapping[str, Any]], wanted: str | None) -> list[tuple[str, str, str]]:
    """(rule, its line, the field it comes from) of every function that may be called."""
    calls = []
    for n, tool in enumerate(tools):
        function = tool["function"]
        name, field = function["name"], f"tools[{n}].function.parameters"
        if wanted not in (None, name):
            continue
        parameters = function.get("parameters") or _NOTHING
        if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
            raise RequestRefused(f"{field} must be a JSON schema of type 'object'", field)
        schema = _json(_read({"type": "object", **parameters}, function.get("strict")), field)
        head = _literal(f'{{"name": {json.dumps(name, ensure_ascii=False)}, "arguments": ')
        calls.append((f"f{n}", rf'f{n}: "{BEGIN}" /\n?/ {head} {schema} "}}" /\n?/ "{END}"', field))
    return calls


def _read(schema: dict[str, Any], strict: Any) -> dict[str, Any]:
    """The schema with how it is to be read: only who says `strict: false` has parts of it ignored."""
    return {**schema, "x-guidance": {**SPACING, "lenient": strict is False}}


def _json(schema: dict[str, Any], field: str) -> str:
    try:
        return f"%json {json.dumps(schema, ensure_ascii=False)}"
    except RecursionError:
        raise RequestRefused(f"{field} has a schema that is nested too deeply", field) from None


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
