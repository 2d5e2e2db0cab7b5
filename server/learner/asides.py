"""What else the model thinks of asking about a new fact's subject, and what the fact does not answer.

Its own questions about strangers (server.learner.primer) are put about the subject of the fact. Words alone
do not tell which of them the fact answers ("the departure time" of a ferry that leaves at ten), so the model
is asked them with the fact before its eyes: where it then says the value, the question is neither a negative
nor, as reading errs too, a further wording.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from server.learner.crossed import Crossings
from server.types import SelfEdit

EACH = 32
"""Questions asked about one fact."""


def asides(
    edits: Sequence[SelfEdit],
    crossings: Crossings,
    rng: random.Random,
    answers: Callable[[Sequence[str]], Sequence[str]],
) -> dict[str, list[str]]:
    """By edit: questions about its subject that it does not answer, as far as the model can read.

    `answers` gives the model's answers to single messages.
    """
    asked = [(edit, question) for edit in edits for question in crossings.made_up(edit, EACH, rng)]
    said = answers([f"{edit.statement} {question}" for edit, question in asked])
    found: dict[str, list[str]] = {}
    for (edit, question), answer in zip(asked, said, strict=True):
        if edit.value.lower() not in answer.lower():
            found.setdefault(edit.id, []).append(question)
    return found
