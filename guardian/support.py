"""How well one text supports another, by words: the features of the grounding score.

Lexical: it sees words and numbers, not meaning. True paraphrases score lower than quotations, and a sentence
that puts the right words in the wrong order scores high (the vetoes look for some of these). Length is left
out on purpose: in dialogue data long means copied, while an answer that a model is taught may be two words.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise

from guardian.lexicon import lexicon
from guardian.vocabulary import NEGATORS, REMARKS
from guardian.words import Word, words

FEATURES = (
    "precision",
    "novel_words",
    "bigram_precision",
    "new_numbers",
    "first_person",
    "question",
    "negation_added",
    "remarks",
)
_FIRST_PERSON = frozenset({"i", "i'm", "i've", "i'd", "i'll", "me", "my", "mine"})


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic over FEATURES, written by scripts/tune_grounding.py beside where it comes from."""

    intercept: float
    coefficients: tuple[float, ...]
    block_below: float
    """The score with the best balanced accuracy on held-out responses of the tuning set."""
    allow_from: float
    """The score from which 97 % of held-out responses of the tuning set are attributable."""

    def score(self, values: tuple[float, ...]) -> float:
        """Probability, 0 to 1, that the text is supported."""
        z = self.intercept + sum(c * v for c, v in zip(self.coefficients, values, strict=True))
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, z))))


@cache
def model() -> Model:
    """The tuned model that ships with the package (guardian/grounding.json)."""
    stored = json.loads(resources.files("guardian").joinpath("grounding.json").read_text(encoding="utf-8"))
    return Model(
        stored["intercept"],
        tuple(stored["coefficients"][name] for name in FEATURES),
        stored["block_below"],
        stored["allow_from"],
    )


def features(premise: str, hypothesis: str) -> tuple[float, ...]:
    """FEATURES of `hypothesis` against `premise`, in order."""
    given, claimed = words(premise), words(hypothesis)
    known = {w.stem for w in given}
    content = [w for w in claimed if w.content]
    meant = {mark for text in {w.text for w in given if w.content} for mark in lexicon().meanings(text)}
    novel = [w for w in content if w.stem not in known and not _meant(w, meant)]
    pairs = _pairs(content)
    known_pairs = _pairs([w for w in given if w.content])
    return (
        1 - len(novel) / len(content) if content else 0.0,
        min(len(novel), 10) / 10,
        len(pairs & known_pairs) / len(pairs) if pairs else (0.0 if novel or not content else 1.0),
        float(any(w.number for w in novel)),
        float(_speaks_of_itself(claimed) and not _speaks_of_itself(given)),
        float("?" in hypothesis and "?" not in premise),
        float(_negations(claimed) > _negations(given)),
        _remarks(claimed, known),
    )


def _meant(word: Word, meant: set[object]) -> bool:
    """Whether the source has a word that is listed as equal: 'leads' for 'is the head'."""
    return not word.number and not meant.isdisjoint(lexicon().meanings(word.text))


def _pairs(content: list[Word]) -> set[tuple[str, str]]:
    """Neighbouring content words, in either order: 'capital of France' and 'France's capital' meet."""
    stems = [w.stem for w in content]
    return {(a, b) if a < b else (b, a) for a, b in pairwise(stems)}


def _speaks_of_itself(text: list[Word]) -> bool:
    return any(w.text.lower() in _FIRST_PERSON for w in text)


def _remarks(claimed: list[Word], known: set[str]) -> float:
    """Share of words like 'all', 'very' and 'we' that the source does not have."""
    new = [w for w in claimed if w.text.lower() in REMARKS and w.stem not in known]
    return len(new) / len(claimed) if claimed else 0.0


def _negations(text: list[Word]) -> int:
    return sum(w.text.lower() in NEGATORS for w in text)
