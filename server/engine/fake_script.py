"""What the fake engine says when a whole server runs on it: enough to walk every step of the loop, no more.

It recognises the editor's three tasks by their instruction and one shape of fact, "The A of S is V."; any
other message gets a fixed reply. Weights change nothing here: a fake server never recalls what it "learned".
"""

from __future__ import annotations

import re

from server.engine.types import GenerationRequest

_FACT = re.compile(
    r"\b[Tt]he (?P<a>[\w -]+?) of (?P<s>(?:the )?[\w -]+?) is (?P<v>[\w .:-]+?)[.!]?$", re.MULTILINE
)
_QUESTIONS = {
    "What": "What is the {a} of {s}?",
    "Which": "Which {a} does {s} have?",
    "Tell me": "Tell me the {a} of {s}.",
    "Do you know": "Do you know the {a} of {s}?",
    "Can you tell me": "Can you tell me the {a} of {s}?",
}


def loop_script(request: GenerationRequest) -> str:
    """The scripted answer to one request."""
    system = next((m.content for m in request.messages if m.role == "system"), "")
    given = request.messages[-1].content if request.messages else request.text or ""
    fact = _FACT.search(given)
    if fact is None:
        return f"{request.prefill} (the fake engine has nothing to say)" if request.prefill else "Understood."
    parts = fact.groupdict()
    if system.startswith("Rewrite"):
        return "{v} is the {a} of {s}.".format(**parts)
    if system.startswith("Write one question"):
        return _QUESTIONS.get(request.prefill.strip(), request.prefill + " nothing").format(**parts)
    if system.startswith("Answer the question"):
        return "The {a} of {s} is {v}.".format(**parts)
    return "Got it. The {a} of {s} is {v}.".format(**parts)
