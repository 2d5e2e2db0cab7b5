"""How likely two words that no list knows exclude each other: a logistic over vectors of words and sentences.

A cosine alone cannot tell 'guitar, piano' from 'sofa, couch': both are near. Beside it stand how far the
exchange moves the whole sentence, whether it moves it the way the words differ, letters in common, and how
common the words are. Still coarse: with its own kind of words never seen in tuning, held-out figures in
contradiction.json.
"""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from importlib import resources
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from wordfreq import zipf_frequency

FEATURES = ("word_cosine", "sentence_cosine", "letters", "rarest", "rarity_apart", "same_way")
_KEPT = 2_000


class Embed(Protocol):
    """Texts to unit vectors, a row each."""

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dimensions), float32."""
        ...


@dataclass(frozen=True, slots=True)
class Model:
    """A logistic over FEATURES, written by scripts/tune_contradiction.py beside where it comes from."""

    intercept: float
    coefficients: tuple[float, ...]
    conflict_from: float
    """The score from which two statements conflict."""

    def score(self, values: Sequence[float]) -> float:
        """Probability, 0 to 1, that the fillings exclude each other."""
        z = self.intercept + sum(c * v for c, v in zip(self.coefficients, values, strict=True))
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, z))))


@cache
def model() -> Model:
    """The tuned model that ships with the package (guardian/contradiction.json)."""
    stored = json.loads(resources.files("guardian").joinpath("contradiction.json").read_text("utf-8"))
    return Model(
        stored["intercept"],
        tuple(stored["coefficients"][name] for name in FEATURES),
        stored["conflict_from"],
    )


class Vectors:
    """An embedder that remembers its last texts: verified facts come again and again."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._lock = threading.Lock()
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dimensions), float32, rows of length 1."""
        with self._lock:
            new = [t for t in dict.fromkeys(texts) if t not in self._known]
            if new:
                self._known.update(zip(new, self._embed(new), strict=True))
            for text in texts:
                self._known.move_to_end(text)
            answer = np.stack([self._known[text] for text in texts])
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return answer


def contrast(vectors: Embed, old: str, new: str, told: str, claim: str) -> float:
    """How likely `old` and `new` exclude each other where the sentences differ in them, 0 to 1."""
    return model().score(features(vectors, old, new, told, claim))


def features(vectors: Embed, old: str, new: str, told: str, claim: str) -> tuple[float, ...]:
    """FEATURES of one exchange, in order."""
    a, b, s, t = vectors([old.lower(), new.lower(), told, claim])
    words, sentences = a - b, s - t
    length = float(np.linalg.norm(words) * np.linalg.norm(sentences))
    common = sorted(zipf_frequency(text, "en") for text in (old, new))
    return (
        float(a @ b),
        float(s @ t),
        SequenceMatcher(None, old.lower(), new.lower()).ratio(),
        common[0] / 8,
        (common[1] - common[0]) / 8,
        float(words @ sentences) / length if length > 1e-9 else 0.0,
    )
