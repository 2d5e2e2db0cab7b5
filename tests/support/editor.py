"""A scripted model that writes self-edits well about facts of one form, 'The A of S is V.'"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from server.engine.types import GenerationRequest

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


async def until(happened: Callable[[], object]) -> None:
    """Wait for something that tells nobody when it happens; at most ten seconds."""
    async with asyncio.timeout(10.0):
        while not happened():  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.01)
