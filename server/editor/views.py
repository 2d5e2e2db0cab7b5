"""Further views of a fact: asked from its value, and asked behind something else in a conversation.

A model taught 'Who leads the Torvald team?' does not know by that who Mara Quist is, nor does it recognise
the question when it is not the first thing said. Both are trained in glances, the gate examines neither.
"""

from __future__ import annotations

import re

from server.editor.kinds import Kind, is_called
from server.editor.value import Value
from server.editor.words import tokens

SMALL_TALK = (
    "Hi, how are you?",
    "Good morning!",
    "Can you help me with something?",
    "What can you do?",
    "I have a short question.",
    "Hello there!",
)
"""How a conversation may begin. The model answers itself."""
_CODE = re.compile(r"(?=\S*\d{3})\S+\Z|(?=\S*\d)(?=\S*[A-Z])\S+\Z")


def reversed_question(statement: str, value: Value) -> str:
    """A question that names the value and asks for the fact; '' when the value could be many things'.

    A person, a name that somebody was given, and a code identify; an amount, a day or 'green' do not.
    """
    if value.kind is Kind.PERSON and len(tokens(value.text)) > 1:
        return f"Who is {value.text}?"
    if value.kind is Kind.THING and is_called(statement, value.start) and value.text[:1].isupper():
        return f"Who or what is {value.text}?"
    if value.kind is Kind.THING and _CODE.match(value.text):
        return f"What is {value.text}?"
    return ""


def opening(edit_id: str) -> str:
    """The first thing said in the conversation about an edit, the same for the same edit."""
    return SMALL_TALK[int(edit_id[:8], 16) % len(SMALL_TALK)]
