"""The toxicity head: a logistic for each kind of harm, over a sentence embedding and counted words.

Fitted by scripts/tune_toxicity.py on texts that this project wrote, none of a public data set. Every text is read
in windows of whole sentences, with disguises taken off, misspelt harmful words restored and groups unnamed.
Not covered: irony, what only the context makes harmful, any language but English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from guardian.embedding import shared
from guardian.groups import without_groups
from guardian.harm_words import NAMES, counted
from guardian.hostility import hostile
from guardian.spelling import restored
from guardian.swearing import Swearing
from guardian.unicode import folded

LABELS = ("any", "hate", "hate/threatening", "harassment", "harassment/threatening", "violence", "violence/graphic", "sexual", "self-harm", "bias")
"""What each column of the head's answer means. `any` is toxic in one of these ways, bias left out."""
WINDOW_CHARS = 260
_SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?]+[\"”’']*|\n+|$)\s*")


def windows(text: str) -> list[str]:
    """The text in pieces of whole sentences up to WINDOW_CHARS long; a longer sentence is cut at a space."""
    pieces: list[str] = []
    for sentence in _SENTENCE.findall(text) or [text]:
        while len(sentence) > WINDOW_CHARS:
            cut = sentence.rfind(" ", 1, WINDOW_CHARS) + 1 or WINDOW_CHARS
            pieces.append(sentence[:cut])
            sentence = sentence[cut:]
        if pieces and len(pieces[-1]) + len(sentence) <= WINDOW_CHARS:
            pieces[-1] += sentence
        else:
            pieces.append(sentence)
    return [stripped for piece in pieces if (stripped := piece.strip())]


def reading(text: str) -> str:
    """The reading that the head is asked about, group names still in it."""
    return restored(folded(text))


def evidence(
    texts: Sequence[str], swearing: Swearing, embed: Callable[[Sequence[str]], NDArray[np.float32]] | None = None
) -> NDArray[np.float32]:
    """(n, 384 + len(NAMES)): embedding without group names, then the counted features."""
    embed = embed or shared()
    plain = [reading(text) for text in texts]
    unnamed = [without_groups(text) for text in plain]
    vectors = embed([text for text, _ in unnamed])
    sworn = swearing(plain)
    rows = [
        counted(text, group, bool(hostile(raw)), score, word)
        for (text, group), raw, (score, word) in zip(unnamed, plain, sworn, strict=True)
    ]
    return np.hstack([vectors, np.asarray(rows, dtype=np.float32).reshape(len(rows), len(NAMES))])


@cache
def _weights() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    from safetensors.numpy import load_file

    with as_file(files("guardian").joinpath("data/toxicity.safetensors")) as path:
        tensors = load_file(path)
    return tensors["weight"].astype(np.float32), tensors["bias"].astype(np.float32)


class Head:
    """Texts to probabilities. Loads the sentence model at the first call."""

    def __init__(self) -> None:
        self._swearing = Swearing()
        self._weight, self._bias = _weights()

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, len(LABELS)): of each text, the worst window for each label."""
        cut = [windows(text) or [""] for text in texts]
        flat = list(dict.fromkeys(window for several in cut for window in several))
        if not flat:
            return np.zeros((0, len(LABELS)), dtype=np.float32)
        logits = evidence(flat, self._swearing) @ self._weight + self._bias
        row = {window: i for i, window in enumerate(flat)}
        worst = np.stack([logits[[row[window] for window in several]].max(axis=0) for several in cut])
        return np.asarray(1.0 / (1.0 + np.exp(-worst)), dtype=np.float32)
