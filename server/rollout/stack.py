"""What is left of a version when deltas are taken out of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from server.types import VersionRow


def without(
    deltas: Sequence[str], removed: Collection[str], versions: Sequence[VersionRow], stored: Collection[str]
) -> tuple[str, ...]:
    """The deltas that stay, in order. `versions` are all there are, oldest first; `stored` can be composed.

    Where a removed delta had taken the place of others (a consolidation), those others come back as far as
    they are stored and not removed themselves: less must be learned again.
    """
    left: list[str] = []
    for delta in deltas:
        if delta not in removed:
            left.append(delta)
        else:
            left += without(_replaced_by(delta, versions), removed, versions, stored)
    return tuple(delta for delta in dict.fromkeys(left) if delta in stored or delta in deltas)


def _replaced_by(delta: str, versions: Sequence[VersionRow]) -> tuple[str, ...]:
    """The deltas that the first version with this one has no more, of those of its parent."""
    first = next((row for row in versions if delta in row.deltas), None)
    parent = next((row for row in versions if first is not None and row.name == first.parent), None)
    if first is None or parent is None or delta in parent.deltas:
        return ()
    return tuple(older for older in parent.deltas if older not in first.deltas)


def trained_beside(removed: Collection[str], versions: Sequence[VersionRow]) -> tuple[str, ...]:
    """The other deltas that were trained on top of a removed one: they replayed what it carried."""
    beside: dict[str, None] = {}
    for row in versions:
        parent = next((other for other in versions if other.name == row.parent), None)
        if parent is None or not set(parent.deltas) & set(removed):
            continue
        beside |= dict.fromkeys(d for d in row.deltas if d not in parent.deltas and d not in removed)
    return tuple(beside)
