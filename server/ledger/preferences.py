"""Preferences: self-edits of another kind, written from what users said of answers. They wait for company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from server.ledger import edits as edit_rows
from server.ledger import jobs, updates
from server.ledger.types import Claim, Job, Tx, WaitingPreferences
from server.types import EditState, SelfEdit, UpdateKind

MOST_AT_ONCE = 64
"""Preferences of one update: one that takes hours would hold up every fact."""
_FINAL = (EditState.CLAIMED, EditState.TRAINED, EditState.REVOKED)


def finish_preference_job(
    tx: Tx, job: Job, edit: SelfEdit | None, verdicts: Sequence[Mapping[str, Any]], note: str = ""
) -> None:
    """Store the preference, if one came of the feedback, and end the job. Raises StaleFence.

    What the same user said of the same answer before is replaced, unless it is trained already.
    """
    if edit is not None:
        for earlier in edit_rows.edits(tx, edit.turn_id):
            same = earlier.kind == "preference" and earlier.user == edit.user and earlier.id != edit.id
            if same and earlier.state not in _FINAL:
                edit_rows.move(tx, [earlier.id], EditState.MEMORY_ONLY, "replaced by later feedback")
    jobs.finish_edit_job(tx, job, [(edit, verdicts)] if edit is not None else [], note)


def waiting_preferences(tx: Tx) -> WaitingPreferences:
    """What waits for the learner, oldest first."""
    found = edit_rows.edits_in(tx, EditState.ALLOWED, MOST_AT_ONCE, "preference")
    kinds = {edit.id: {example.kind for example in edit.examples} for edit in found}
    return WaitingPreferences(
        pairs=tuple(edit for edit in found if len(kinds[edit.id]) == 2),
        liked=tuple(edit for edit in found if kinds[edit.id] == {"chosen"}),
        disliked=tuple(edit for edit in found if kinds[edit.id] == {"rejected"}),
    )


def claim_preferences(tx: Tx, owner: str, lease_seconds: float, pairs: int, thumbs: int) -> Claim | None:
    """Take the preferences that are enough for an update (WaitingPreferences.enough); None while they are
    not, or another run is going."""
    updates.release_expired(tx)
    taken = waiting_preferences(tx).enough(pairs, thumbs)
    if not taken or updates.is_running(tx):
        return None
    new_id = updates.new_update_id()
    return updates.take(tx, new_id, UpdateKind.PREFERENCE, owner, lease_seconds, taken)
