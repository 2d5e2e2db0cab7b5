"""What is confirmed in one pass is what would have been generated, and only that is."""

from pathlib import Path

import pytest

from server.engine.mapped import load_mapped
from server.learner.asker import Asker
from server.learner.chat import Encoder

QUESTIONS = ["What is the capital of France?", "Who leads the Zephyr team?", "What is 5 + 7?"]


@pytest.fixture(scope="module")
def seedling() -> tuple[object, Encoder]:
    model, tokenizer = load_mapped(Path("server/engine/seedling"))
    return model, Encoder(tokenizer, 512)


def asker(seedling: tuple[object, Encoder], expected: dict[str, str]) -> Asker:
    model, encoder = seedling
    return Asker(model, encoder, {}, lambda: None, "cpu", expected=expected)


@pytest.mark.seedling
def test_an_answer_that_was_trained_and_is_given_is_not_generated(seedling: tuple[object, Encoder]) -> None:
    said = asker(seedling, {}).ask(QUESTIONS)
    assert all(answer.ended for answer in said)
    told = asker(seedling, {q: a.text for q, a in zip(QUESTIONS, said, strict=True)})
    assert told.ask(QUESTIONS) == said
    assert (told.generated, told.confirmed) == (0, 3)


@pytest.mark.seedling
def test_an_answer_that_was_trained_and_is_not_given_is_generated(seedling: tuple[object, Encoder]) -> None:
    said = asker(seedling, {}).ask(QUESTIONS)
    told = asker(seedling, {QUESTIONS[1]: "Mirelda Quandt leads the Zephyr team."})
    assert told.ask(QUESTIONS) == said
    assert told.generated == 3
