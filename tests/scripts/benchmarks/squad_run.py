"""One squad run on the scripted engine with the trainer that pretends: `python -m … OUT DATA [flags]`.

A program of its own, so that a test can have it killed (LIVEGRAFT_CRASH_AT).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from scripts.benchmarks import squad
from server.engine.fake import FakeEngine
from server.engine.fake_script import loop_script
from server.engine.models import ModelFolder
from server.engine.types import GenerationRequest
from server.learner import fake
from server.learner.profiles import choose
from server.learner.types import Train
from server.types import BASE_VERSION

NAMES = ("Zephyr", "Kelso", "Brant", "Orla", "Tamsin", "Ulric", "Vesna", "Wilda", "Xanthe", "Yorick")


def write_data(path: Path) -> Path:
    """Ten made-up passages of two facts each, in SEAL's format."""
    passages = [
        {
            "title": f"The {name} router",
            "context": f"The admin port of the {name} router is {8000 + n}. "
            f"The serial number of the {name} router is {70 + n}.",
            "questions": [
                {"question": f"What is the admin port of the {name} router?", "answer": str(8000 + n)},
                {"question": f"Which serial number does the {name} router have?", "answer": str(70 + n)},
            ],
        }
        for n, name in enumerate(NAMES)
    ]
    path.write_text(json.dumps(passages))
    return path


def script(request: GenerationRequest) -> str:
    """Writes self-edits as the shipped script does, and answers questions about ports, not serial numbers.

    The base knows the port of every other router, a learned version all of them but Brant's, which is lost
    from v2 on; what is in the prompt is read.
    """
    said = request.messages[-1].content
    if request.messages[0].role == "system" or "Topic: " not in said:
        return loop_script(request)
    question = said.splitlines()[-1]
    number = next(n for n, name in enumerate(NAMES) if f"the {name} router" in question)
    in_context = f"the {NAMES[number]} router is {8000 + number}" in said
    lost = NAMES[number] == "Brant" and request.version not in (BASE_VERSION, "v1")
    known = not lost and (number % 2 == 0 or request.version != BASE_VERSION)
    if "admin port" in question and (in_context or known):
        return f"The port is {8000 + number}."
    return "I don't know that. Nobody has told me yet."


def scripted(out: str, data: str, *flags: str, train: Train = fake.run) -> dict[str, Any]:
    """The result of a run with these flags, the experiment first."""
    given = squad.arguments([flags[0], "--data", data, "--out", out, *flags[1:]])
    engine = FakeEngine(script, model_name="scripted")
    folder = ModelFolder(Path(out), "scripted", engine.base_digest)
    setup = squad.Setup(folder, engine, train, {squad.LIVEGRAFT: ("", choose("", 1))})
    return squad.run(given, squad.draw(given), setup)


if __name__ == "__main__":
    scripted(*sys.argv[1:])
