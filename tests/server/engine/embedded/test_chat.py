"""Text from tokens, and where an answer ends."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from types import SimpleNamespace as GenerationConfig
from typing import Any

import pytest
from transformers import AutoTokenizer

from server.engine.embedded import EmbeddedEngine
from server.engine.embedded.chat import Chat, TextStream
from server.engine.types import EngineError, GenerationRequest, Sampling
from server.types import Message


@pytest.fixture(scope="module")
def chat(tiny_model: Path) -> Chat:
    return Chat(AutoTokenizer.from_pretrained(tiny_model), GenerationConfig(eos_token_id=2), "tiny")


def test_a_character_of_several_tokens_appears_whole(chat: Chat) -> None:
    text = "naïve — 🙂 déjà vu 漢字"
    stream = TextStream(chat)
    pieces = [stream.push(token) for token in chat._backend.encode(text, add_special_tokens=False).ids]
    assert "".join(pieces) == text
    assert not any("\ufffd" in piece for piece in pieces)
    assert stream.flush() == ""


def test_bytes_that_never_become_a_character_are_shown_at_the_end_as_decode_shows_them(chat: Chat) -> None:
    rng = random.Random(3)
    for _ in range(50):
        ids = [rng.randrange(3, 259) for _ in range(rng.randrange(1, 30))]
        stream = TextStream(chat)
        assert "".join([stream.push(t) for t in ids]) + stream.flush() == chat.decode(ids)


def test_every_end_token_of_the_generation_config_counts(tiny_model: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_model)
    assert Chat(tokenizer, GenerationConfig(eos_token_id=[7, 9]), "tiny").end_tokens == {2, 7, 9}
    assert Chat(tokenizer, GenerationConfig(), "tiny").end_tokens == {2}


def test_a_model_without_a_chat_template_is_refused_with_advice(tiny_model: Path) -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.chat_template = None
    with pytest.raises(EngineError, match="chat template"):
        Chat(tokenizer, GenerationConfig(), "tiny")


async def test_an_end_token_ends_the_answer_and_is_not_part_of_it(tiny_model: Path, tmp_path: Path) -> None:
    request = GenerationRequest("r", (Message("user", "Tell me more."),), sampling=Sampling(20))

    async def say(path: Path) -> tuple[list[int], str | None]:
        engine = EmbeddedEngine(path, "tiny", threads=1)
        await engine.start()
        chunks = [chunk async for chunk in engine.generate(request)]
        await engine.close()
        return [t for c in chunks for t in c.token_ids], chunks[-1].finish_reason

    whole, reason = await say(tiny_model)
    assert reason == "length"
    folder = tmp_path / "ends-early"
    shutil.copytree(tiny_model, folder)
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**config, "eos_token_id": [2, whole[6]]}))
    assert await say(folder) == (whole[: whole.index(whole[6])], "stop")
