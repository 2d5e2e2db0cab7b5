"""A scripted model that writes well about 'The A of S is V.', a real guardian, and a real ledger."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from guardian import Guardian, Policy
from server.engine.fake import FakeEngine
from server.engine.types import GenerationRequest
from server.ledger import Ledger
from server.types import Message, Turn
from tests.support.rows import Clock, make_turn

PORT = "The admin port of the Zephyr router is 8443."
_FORM = re.compile(r"The (?P<a>[\w ]+) of (?P<s>the [\w ]+) is (?P<v>[\w .]+)\.")
_WRITTEN = {
    "What": "What is the {a} of {s}?",
    "Which": "Which {a} does {s} have?",
    "Tell me what": "Tell me what the {a} of {s} is.",
    "Do you know what": "Do you know what the {a} of {s} is?",
    "Can you tell me what": "Can you tell me what the {a} of {s} is?",
    "What is the": "What is the {a} of {s}?",
    "Tell me the": "Tell me the {a} of {s}.",
    "Do you know the": "Do you know the {a} of {s}?",
    "Can you tell me the": "Can you tell me the {a} of {s}?",
    "I would like to know the": "I would like to know the {a} of {s}.",
    "What's the": "What's the {a} of {s}?",
    "": "What is the {a} of {s}?",
    "Who": "Who is the {a} of {s}?",
    "When": "When does the {a} of {s} end?",
}


def good_writer(request: GenerationRequest) -> str:
    """Writes as a good small model would, wrong forms included when it is made to begin with a wrong word."""
    fact = _FORM.search(request.messages[-1].content)
    if fact is None:
        return "I have nothing to say."
    parts = fact.groupdict()
    task = request.messages[0].content
    if task.startswith("Rewrite"):
        return "{v} is the {a} of {s}.".format(**parts)
    if task.startswith("Answer"):
        return "The {a} of {s} is {v}.".format(**parts)
    return _WRITTEN.get(request.prefill, f"{request.prefill} is it?").format(**parts)


@pytest.fixture
def told() -> Callable[..., Turn]:
    """A turn in which the user says something."""

    def make(text: str, turn_id: str = "t1", **changes: object) -> Turn:
        return make_turn(turn_id, messages=(Message("user", text),), **changes)

    return make


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    fake = FakeEngine(good_writer)
    await fake.start()
    yield fake
    await fake.close()


@pytest.fixture(scope="session")
def guardian() -> Guardian:
    return Guardian(Policy())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path, clock)
    yield opened
    opened.close()
