"""Self-edits that a real small model writes of facts it has never seen, on the real engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from server.editor.value import is_about
from server.editor.words import contains
from server.editor.writer import write
from server.types import Turn

FACTS = {
    "The admin port of the Zephyr router is 8443.": "8443",
    "The owner of the Jita vault is Karl Bun.": "Karl Bun",
    "Project Wazind will ship on 1 November.": "1 November",
    "The price of the Kilea stone is 811 euros.": "811 euros",
    "The Crem store closes at 7 am.": "7 am",
    "Wendy Dikound has a cat called Pioflor.": "Pioflor",
}


@pytest.mark.seedling
async def test_seedling_writes_enough_right_questions_for_most_facts(
    told: Callable[..., Turn], tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from server.engine.embedded import EmbeddedEngine
    from server.engine.models import resolve

    folder = resolve("seedling", tmp_path)
    engine = EmbeddedEngine(folder.path, folder.name, base_digest=folder.digest, max_batch=32, threads=1)
    await engine.start()
    try:
        edits = [edit for fact in FACTS for edit in await write(engine, told(fact), "v0")]
    finally:
        await engine.close()
    assert len(edits) >= 5
    enough = 0
    for edit in edits:
        assert edit.value == FACTS[edit.statement]
        questions = [example for example in edit.examples if example.kind == "question"]
        trained = sum(not example.held_out for example in questions)
        enough += trained >= 5 and len(questions) - trained >= 2
        for example in questions:
            assert is_about(example.prompt, edit.subject)
            assert contains(example.completion, edit.value)
            assert not contains(example.prompt, edit.value)
    assert enough >= 4
