"""What neither training nor the gate ever sees: kept for reports, so that a figure there is no exercise.

The rule is a hash of the words, not a list: a question is sealed when the first byte of the sha256 of its
lower-case words is below 64, a quarter of all questions. It holds on every machine, for every model and for
ever, and cannot be moved by a seed. Read by scripts/bench and reports only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from server.types import Example, SelfEdit

SEALED_BELOW = 64
LEFT_FOR_THE_GATE = 2
"""Held-out wordings of a fact that are never sealed, so that the gate can tell a chance hit from a fact."""


def sealed(question: str) -> bool:
    """Whether a question is kept for reports."""
    return _rank(question) < SEALED_BELOW


def asked_wordings(edit: SelfEdit) -> list[Example]:
    """The held-out wordings that the stop rule and the gate may ask."""
    kept = sealed_wordings(edit)
    return [example for example in _held_out(edit) if example not in kept]


def trained_questions(edit: SelfEdit) -> list[Example]:
    """The wordings that may be trained."""
    return [e for e in edit.examples if e.kind == "question" and not e.held_out]


def sealed_wordings(edit: SelfEdit) -> list[Example]:
    """The held-out wordings that only reports may ask; none while an edit has two or fewer."""
    own = _held_out(edit)
    candidates = sorted((e for e in own if sealed(e.prompt)), key=lambda e: (_rank(e.prompt), e.prompt))
    return candidates[: max(0, len(own) - LEFT_FOR_THE_GATE)]


def told(edits: Sequence[SelfEdit]) -> dict[str, str]:
    """Of every question about these facts, the answer that they give."""
    return {e.prompt: e.completion for edit in edits for e in edit.examples if e.kind == "question"}


def _held_out(edit: SelfEdit) -> list[Example]:
    return [e for e in edit.examples if e.kind == "question" and e.held_out]


def _rank(question: str) -> int:
    words = " ".join(question.lower().split())
    return hashlib.sha256(words.encode()).digest()[0]
