"""What may enter an update: no fact without a question, none behind a rare trigger (server.learner.taught),
and none that contradicts another unsettled.

Two facts contradict each other when they answer the same question (same words, case and spacing aside) with
different values. The newest word of the same user holds. Between users the higher standing holds (a person's
approval above an operator's word above anybody's); where it is equal, a person decides.
Not covered: contradictions in other words; the guardian and the reviews are there for those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from server.learner.repeats import Refusals, repeated
from server.learner.taught import triggered
from server.types import EditState, SelfEdit, Standing


@dataclass(frozen=True, slots=True)
class Admission:
    """A batch as it may be trained."""

    past: tuple[SelfEdit, ...]
    """Past facts without those that a newer fact replaces: replay would teach both answers at once."""
    refused: Refusals


def admit(edits: Sequence[SelfEdit], past: Sequence[SelfEdit], standing: Mapping[str, Standing]) -> Admission:
    """Judge a batch by what else is known. All sequences are oldest first."""
    refused = repeated(edits)
    for edit in edits:
        if not any(e.kind == "question" and not e.held_out for e in edit.examples):
            refused[edit.id] = (EditState.MEMORY_ONLY, "it has no question to train on")
    for older, newer in _contradictions(edits):
        if _replaces(newer, older, standing):
            refused.setdefault(older.id, (EditState.MEMORY_ONLY, f"replaced by {_told(newer)}"))
        else:
            refused.setdefault(newer.id, _undecided(newer, older, standing))
            if standing[older.id] == standing[newer.id]:
                refused.setdefault(older.id, _undecided(older, newer, standing))
    standing_past = newest(past)
    replaced: set[str] = set()
    for older, newer in _contradictions([*standing_past, *(e for e in edits if e.id not in refused)]):
        if _replaces(newer, older, standing) or standing[newer.id] is Standing.APPROVED:
            replaced.add(older.id)
        else:
            refused.setdefault(newer.id, _undecided(newer, older, standing))
    kept = tuple(edit for edit in standing_past if edit.id not in replaced)
    return Admission(kept, triggered(edits, past) | refused)


def contradict(a: SelfEdit, b: SelfEdit) -> bool:
    """Whether two facts answer the same question differently. A value within the other is no difference."""
    one, other = f" {_plain(a.value)} ", f" {_plain(b.value)} "
    return one not in other and other not in one and bool(_questions(a) & _questions(b))


def newest(past: Sequence[SelfEdit]) -> list[SelfEdit]:
    """Of past facts that contradict each other the newest: it was admitted in the knowledge of the others."""
    replaced = {older.id for older, _ in _contradictions(past)}
    return [edit for edit in past if edit.id not in replaced]


def _contradictions(edits: Sequence[SelfEdit]) -> Iterator[tuple[SelfEdit, SelfEdit]]:
    """Pairs (older, newer), each once."""
    asked: dict[str, list[SelfEdit]] = {}
    for newer in edits:
        before = {edit.id: edit for question in _questions(newer) for edit in asked.get(question, ())}
        yield from ((older, newer) for older in before.values() if contradict(older, newer))
        for question in _questions(newer):
            asked.setdefault(question, []).append(newer)


def _replaces(newer: SelfEdit, older: SelfEdit, standing: Mapping[str, Standing]) -> bool:
    mine, its = standing[newer.id], standing[older.id]
    return mine > its or (mine == its and newer.user == older.user)


def _undecided(edit: SelfEdit, other: SelfEdit, standing: Mapping[str, Standing]) -> tuple[EditState, str]:
    kind = "a verified fact" if standing[other.id] > standing[edit.id] else "what another user said"
    return EditState.QUARANTINED, f"it contradicts {kind}, {_told(other)}: approve what holds, deny the rest"


def _told(edit: SelfEdit) -> str:
    return f"{edit.statement!r} ({edit.id[:12]})"


def _questions(edit: SelfEdit) -> set[str]:
    return {_plain(e.prompt) for e in edit.examples if e.kind == "question"}


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).strip(" .?!")
