"""Words and their stems."""

from __future__ import annotations

import pytest

from server.editor.words import stem


@pytest.mark.parametrize(
    ("one", "other"),
    [("opens", "opened"), ("feed", "feeds"), ("speed", "speeds"), ("need", "needed"), ("agree", "agreed")],
)
def test_forms_of_one_word_have_one_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


@pytest.mark.parametrize(("one", "other"), [("feed", "fee"), ("used", "us"), ("seed", "see")])
def test_words_that_only_look_alike_have_stems_of_their_own(one: str, other: str) -> None:
    assert stem(one) != stem(other)
