from __future__ import annotations

import pytest

from guardian.groups import without_groups


@pytest.mark.parametrize(
    ("text", "unnamed"),
    [
        ("gay people live here", "those people live here"),
        ("i hate immigrants.", "i hate those people."),
        ("my neighbour is a muslim woman", "my neighbour is one of those people"),
        ("she is jewish.", "she is one of those people."),
        ("black tea is served", "black tea is served"),
        ("the old bridge is closed", "the old bridge is closed"),
    ],
)
def test_groups_lose_their_names_and_things_keep_theirs(text: str, unnamed: str) -> None:
    assert without_groups(text) == (unnamed, unnamed != text)
