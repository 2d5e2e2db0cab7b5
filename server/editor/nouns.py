"""Questions by the word for what kind of thing a value is: 'held in Welsh', 'which language'.

People ask for a value by such a word where the statement has none. The model is asked for it
(server.editor.scaffold.NOUN); here is where that is worth it, what counts as such a word, and what it gives.
"""

from __future__ import annotations

import re

from server.editor import derive
from server.editor.check import question_objection
from server.editor.kinds import Kind
from server.editor.value import Value
from server.editor.vocabulary import VAGUE_NOUNS
from server.editor.words import all_stems, stem

_KINDS = (Kind.THING, Kind.MEASURE, Kind.PLACE)
"""The others are asked for by a question word of their own."""


def wanted(value: Value) -> bool:
    """Whether people would ask for it by a word that the statement lacks; 'The port is 8443' has one."""
    return value.kind in _KINDS and not value.head


def noun_input(sentence: str, value: Value) -> str:
    """The user message of the `noun` task."""
    return f"{sentence.rstrip(' .!')}: {value.text}"


def understood(said: str, sentence: str) -> str:
    """The word that the model said; '' where it is none, too vague a one, or one that the statement has."""
    word = said.strip(" .\n").lower()
    if not re.fullmatch(r"[a-z]{3,15}", word) or word in VAGUE_NOUNS or stem(word) in all_stems(sentence):
        return ""
    return word


def questions(sentence: str, value: Value, noun: str) -> tuple[str, ...]:
    """Those that pass the checks of the table's questions; none without a noun."""
    asked = derive.named(sentence, value, noun) if noun else []
    return tuple(q for q in asked if not question_objection(q, sentence, value, by_table=True))
