from __future__ import annotations

import pytest

from guardian.spelling import restored


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("they are disgsuting", "they are disgusting"),
        ("filty pigs", "filthy pigs"),
        ("immigrnats are vermiin", "immigrants are vermin"),
        ("they are ver min", "they are vermin"),
    ],
)
def test_misspelt_harmful_words_are_restored(text: str, meant: str) -> None:
    assert restored(text) == meant


@pytest.mark.parametrize(
    "text", ["the bus to tarnwick leaves at nine", "ms. okafor chairs the board", "grape juice"]
)
def test_other_words_stay_as_they_are(text: str) -> None:
    assert restored(text) == text
