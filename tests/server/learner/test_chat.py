from typing import Any

import pytest

from server.learner.chat import Encoder
from server.learner.errors import ExampleTooLong, NoChatTemplate


def test_an_example_is_the_served_prompt_followed_by_the_answer_and_its_end(tiny: tuple[Any, Any]) -> None:
    _, tokenizer = tiny
    encoder = Encoder(tokenizer, 512)
    example = encoder.example("Hi?", "Yes.")
    assert example.prompt == encoder.prompt("Hi?")
    assert example.answer[-1] == tokenizer.eos_token_id
    assert encoder.decode(example.answer) == "Yes."


def test_the_shared_prefix_is_the_templates_own_system_message(tiny: tuple[Any, Any]) -> None:
    _, tokenizer = tiny
    encoder = Encoder(tokenizer, 512)
    assert "Be brief." in tokenizer.decode(list(encoder.prefix))
    assert encoder.prompt("Anything")[: len(encoder.prefix)] == encoder.prefix


def test_a_tokenizer_without_a_chat_template_is_refused(tiny: tuple[Any, Any]) -> None:
    _, tokenizer = tiny
    tokenizer.chat_template = None
    with pytest.raises(NoChatTemplate, match="instruct model"):
        Encoder(tokenizer, 512)


def test_an_example_longer_than_the_context_is_refused_with_the_numbers(tiny: tuple[Any, Any]) -> None:
    _, tokenizer = tiny
    with pytest.raises(ExampleTooLong, match="100"):
        Encoder(tokenizer, 100).example("What? " * 30, "That.")
