"""Calls of tools are found in text however it is cut, and nothing else is taken for one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from server.engine.tool_calls import Calls, ToolCallFilter

CALL = '<tool_call>\n{"name": "weather", "arguments": {"city": "Zürich"}}\n</tool_call>'


def cut(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def read(text: str, size: int, forced: bool = False) -> tuple[str, Calls]:
    tools, shown = ToolCallFilter("r", forced=forced), ""
    calls: list[Mapping[str, Any]] = []
    for piece in cut(text, size):
        more, made = tools.push(piece)
        shown += more
        calls += made
    rest, last = tools.flush()
    return shown + rest, (*calls, *last)


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_a_call_is_found_however_the_text_is_cut(size: int) -> None:
    shown, calls = read(f"Let me look. {CALL} Done.", size)
    assert shown == "Let me look.  Done."
    (call,) = calls
    assert (call["index"], call["type"], call["function"]["name"]) == (0, "function", "weather")
    assert json.loads(call["function"]["arguments"]) == {"city": "Zürich"}


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ('<tool_call>\n{"name": "weather", "arguments": {"city": "Zü', '{"city": "Zü'),
        ('<tool_call>\n{"name": "weather", "arguments": ', ""),
        ('<tool_call>\n{"name": "weather", "arguments": {"city": "<', '{"city": "<'),
        ('<tool_call>\n{"name": "weather", "arguments": {"city": "Zürich"}', '{"city": "Zürich"}'),
        ('<tool_call>\n{"name": "weather", "arguments": {"city": "Zürich"}}\n</tool', '{"city": "Zürich"}'),
    ],
)
@pytest.mark.parametrize("size", [1, 6, 1000])
def test_a_call_that_was_asked_for_and_cut_by_the_limit_is_a_call_with_what_there_is_of_its_arguments(
    said: str, arguments: str, size: int
) -> None:
    shown, (call,) = read(said, size, forced=True)
    assert shown == ""
    assert call["function"] == {"name": "weather", "arguments": arguments}
    assert read(said, size)[1] == ()


def test_what_was_cut_before_its_arguments_is_text_even_where_a_call_was_asked_for() -> None:
    said = '<tool_call>\n{"name": "wea'
    assert read(said, 3, forced=True) == (said, ())


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_several_calls_have_indices_and_ids_of_their_own(size: int) -> None:
    shown, calls = read(CALL * 3, size)
    assert shown == ""
    assert [call["index"] for call in calls] == [0, 1, 2]
    assert len({call["id"] for call in calls}) == 3
    assert read(CALL * 3, size)[1] == calls


@pytest.mark.parametrize(
    "text",
    [
        "a < b and <tool is no call",
        "<tool_call>no JSON</tool_call> and on",
        '<tool_call>{"name": 5, "arguments": {}}</tool_call>',
        '<tool_call>{"name": "x", "arguments": [1]}</tool_call>',
        "<tool_call>[]</tool_call>",
        '<tool_call>{"name": "cut off", "argu',
        "ends with <tool_c",
    ],
)
@pytest.mark.parametrize("size", [1, 4, 1000])
def test_what_is_no_call_is_text_to_the_last_letter(text: str, size: int) -> None:
    assert read(text, size) == (text, ())
