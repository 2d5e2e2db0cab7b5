from __future__ import annotations

from pathlib import Path

from guardian.harm import LABELS
from scripts.toxicity.material import texts

HELD_OUT = Path(__file__).parents[2] / "guardian" / "data"


def test_the_material_names_known_labels_and_fills_every_slot() -> None:
    made = texts()
    assert len({text.family for text in made}) >= 50
    assert {label for text in made for label in text.labels} <= {*LABELS, "harassment?"}
    assert not [text.text for text in made if "{g" in text.text or "{n" in text.text or "{sl" in text.text]


def test_the_same_seed_makes_the_same_texts() -> None:
    assert texts() == texts()


def test_no_held_out_sentence_is_trained_on() -> None:
    trained = {text.text.casefold() for text in texts()}
    held = [
        line.rsplit(" | ", 1)[-1]
        for path in ("toxicity.txt", "toxicity_long.txt", "toxicity_unseen.txt", "bias.txt")
        for line in (HELD_OUT / path).read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert [text for text in held if text.casefold() in trained] == []
