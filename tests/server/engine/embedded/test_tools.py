"""Tools reach the model by its own chat template, and only a template that has a place for them claims so."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace as GenerationConfig
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from server.engine.embedded import EmbeddedEngine
from server.engine.embedded.answer import Answer
from server.engine.embedded.chat import Chat
from server.engine.types import Chunk, GenerationRequest
from server.types import Message

TEMPLATE = (
    "{% if tools %}{{ '# Tools\n' }}{% for tool in tools %}{{ tool | tojson }}{% endfor %}"
    "{{ '\nCall with <tool_call>{}</tool_call>\n' }}{% endif %}"
    "{% for m in messages %}{{ m['role'] + ': ' }}{{ m['content'] or '' }}"
    "{% for call in m.tool_calls or [] %}{{ call.function.name }}({{ call.function.arguments.city }})"
    "{% endfor %}{{ '\n' }}{% endfor %}{{ 'assistant: ' }}"
)
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
CALL = {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}


def chat_of(folder: Path, template: str = "") -> Chat:
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = template or tokenizer.chat_template
    return Chat(tokenizer, GenerationConfig(eos_token_id=2), "tiny")


async def test_a_template_without_a_place_for_tools_makes_no_promise(tiny_model: Path) -> None:
    engine = EmbeddedEngine(tiny_model, "tiny", threads=1, max_model_len=200)
    await engine.start()
    try:
        assert engine.features == {"response_format"}
    finally:
        await engine.close()
    assert chat_of(tiny_model, TEMPLATE).has_tools


def test_the_template_is_shown_tools_earlier_calls_and_their_results(tiny_model: Path) -> None:
    chat = chat_of(tiny_model, TEMPLATE)
    history = (
        {"role": "user", "content": "How is it in Bern?"},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c", "content": "7 degrees"},
    )
    request = GenerationRequest("r", (), history=history, options={"tools": TOOLS})
    text = chat.decode(chat.encode_request(request))
    assert '"name": "weather"' in text
    assert "assistant: weather(Bern)\ntool: 7 degrees\nassistant: " in text


@pytest.mark.parametrize("with_tools", [True, False])
def test_a_call_that_the_model_writes_comes_as_a_call_when_there_were_tools(
    tiny_model: Path, with_tools: bool
) -> None:
    chat = chat_of(tiny_model, TEMPLATE)
    options = {"tools": TOOLS} if with_tools else {}
    request = GenerationRequest("r", (Message("user", "Bern?"),), options=options)
    prompt = chat.encode_request(request)
    answer = Answer(request, prompt, None, 400, chat)
    written = chat._backend.encode('So: <tool_call>{"name": "weather", "arguments": {}}</tool_call>').ids
    said = [answer.say(token, torch.zeros(1)) for token in [*written, 2]]
    chunks = [chunk for chunk in said if isinstance(chunk, Chunk)]
    text = "".join(chunk.text for chunk in chunks)
    calls = [call for chunk in chunks for call in chunk.tool_calls]
    if with_tools:
        assert (text, chunks[-1].finish_reason) == ("So: ", "tool_calls")
        assert [call["function"]["name"] for call in calls] == ["weather"]
    else:
        assert (calls, chunks[-1].finish_reason) == ([], "stop")
        assert text.endswith("</tool_call>")
