"""What a later message shows of an earlier answer: asked again, regenerated, rewritten. Pure.

Read the same way for every version, so a clumsy reading costs power and never fairness. Likeness is difflib's
ratio over words, 0 to 1. Not told apart from a regeneration: a program that sends the same prompt on purpose.
"""

from __future__ import annotations

import difflib
from enum import StrEnum

from server.types import Turn, TurnState

LIKE = 0.8
"""From this likeness on a message asks the same again."""
REWRITTEN = 0.6
"""Below this likeness an answer in the history is not the one that was given."""
WORDS = 400
"""Longer texts are compared by their first words: the ratio takes the square of their length."""


class Shown(StrEnum):
    """What a user showed of an answer without saying it."""

    REGENERATED = "regenerated"
    """The same messages again, though an answer was given."""
    REASKED = "reasked"
    """The next message asks what the one before asked, in nearly the same words."""
    REWRITTEN = "rewritten"
    """The history that is sent on has another answer in its place."""


def shown(before: Turn, turn: Turn) -> frozenset[Shown]:
    """What a turn shows of the answer of the one before it in the same user's conversation."""
    if before.state is TurnState.FAILED or not before.answer.strip() or not before.messages:
        return frozenset()  # no answer to show anything of, or a retry of one that never came
    if turn.messages == before.messages:
        return frozenset({Shown.REGENERATED})
    found = set()
    if before.prompt and turn.prompt and likeness(before.prompt, turn.prompt) >= LIKE:
        found.add(Shown.REASKED)
    if rewrites(before, turn):
        found.add(Shown.REWRITTEN)
    return frozenset(found)


def rewrites(before: Turn, turn: Turn) -> bool:
    """Whether the history that the client sends has quite another answer than the one that was given."""
    known = len(before.messages)
    if len(turn.messages) <= known or turn.messages[:known] != before.messages:
        return False
    sent = turn.messages[known]
    return sent.role == "assistant" and likeness(sent.content, before.answer) < REWRITTEN


def likeness(one: str, other: str) -> float:
    """How alike two texts are by their words, 0 to 1."""
    ours, theirs = one.lower().split()[:WORDS], other.lower().split()[:WORDS]
    return difflib.SequenceMatcher(None, ours, theirs, autojunk=False).ratio()
