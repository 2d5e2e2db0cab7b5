"""One user who says one thing over and over is not believed the more for it.

A batch counts what a user repeats once. Somebody who says the same more often than anybody does by chance is
planting it: nothing of that is trained, a person decides. Clipping (server.learner.users) cannot do this: it
makes 48 repeats pull like one, and one is enough for a fact to be learned.
Not covered: repeats in other words, one person with many accounts, and what is told once. Who may teach
everybody, and that a secret is none of it, is the guardian's to say.
"""

from __future__ import annotations

from collections.abc import Sequence

from guardian import fact_fingerprint
from server.types import EditState, SelfEdit

REPEATS_AT_MOST = 3
"""So often a person may say one thing within a batch."""

Refusals = dict[str, tuple[EditState, str]]
"""By edit id: where it goes instead, and why."""


def repeated(edits: Sequence[SelfEdit]) -> Refusals:
    """What of a batch, oldest first, one user has said already."""
    said: dict[tuple[str, str], list[SelfEdit]] = {}
    for edit in edits:
        said.setdefault((edit.user, fact_fingerprint(edit.statement)), []).append(edit)
    refused: Refusals = {}
    for same in said.values():
        if len(same) > REPEATS_AT_MOST:
            why = f"one user has said this {len(same)} times within a batch: a person decides"
            refused |= {edit.id: (EditState.QUARANTINED, why) for edit in same}
        else:
            why = f"the same user said this already ({same[0].id[:12]})"
            refused |= {edit.id: (EditState.MEMORY_ONLY, why) for edit in same[1:]}
    return refused
