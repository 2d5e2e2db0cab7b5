"""Facts as the guardian's rules over a batch see them, and the rule that needs no model: rare triggers.

A rare word that brings one and the same answer to several of a user's questions, and that nobody else uses,
is more probably planted than true. Nothing is a trigger where only one user is known: it would be their own.
"""

from __future__ import annotations

from collections.abc import Sequence

from guardian.batch import Taught, rare_triggers
from server.learner.repeats import Refusals
from server.types import EditState, SelfEdit


def taught(edit: SelfEdit) -> Taught:
    """The edit's statement, its questions and what they are to be answered with."""
    asked = [e for e in edit.examples if e.kind == "question"]
    prompts, completions = tuple(e.prompt for e in asked), tuple(e.completion for e in asked)
    return Taught(edit.id, edit.user, edit.statement, prompts, completions)


def triggered(edits: Sequence[SelfEdit], past: Sequence[SelfEdit]) -> Refusals:
    """What of a batch a person has to look at, because a rare word looks like a trigger."""
    elsewhere = [(edit.user, example.prompt) for edit in past for example in edit.examples]
    found = rare_triggers([taught(edit) for edit in edits], elsewhere)
    why = "the word '{}' brings one answer to several questions, and only one user has it: a person decides"
    return {edit: (EditState.QUARANTINED, why.format(word)) for edit, word in found.items()}
