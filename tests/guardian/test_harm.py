from __future__ import annotations

import json
from importlib.resources import files

from guardian.harm import LABELS, WINDOW_CHARS, windows


def test_windows_are_whole_sentences_up_to_a_length() -> None:
    text = "One short sentence. " * 40 + "x" * 700
    pieces = windows(text)
    assert all(len(piece) <= WINDOW_CHARS for piece in pieces)
    assert pieces[0].endswith("sentence.")
    assert sum(len(piece.replace(" ", "")) for piece in pieces) == len(text.replace(" ", ""))


def test_a_text_without_words_has_no_window() -> None:
    assert windows(" \n ") == []


def test_the_weights_say_where_they_come_from_and_fit_the_code() -> None:
    written = json.loads(files("guardian").joinpath("data/toxicity.json").read_text())
    assert tuple(written["labels"]) == LABELS
    assert "no public data set" in written["from"]
