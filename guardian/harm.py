"""The toxicity head: a small network over a sentence embedding and counted words, one output a kind of harm.

Fitted by scripts/tune_toxicity.py on texts that this project wrote, none of a public data set. Every text is read
in windows of whole sentences, with disguises taken off, misspelt harmful words restored and groups unnamed.
Not covered: irony, what only the context makes harmful, any language but English.
"""
# ruff: noqa: E501 (a pattern or a list is read as one line)

from __future__ import annotations

import re
import threading
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

LABELS = (
    "any",
    "hate",
    "hate/threatening",
    "harassment",
    "harassment/threatening",
    "violence",
    "violence/graphic",
    "sexual",
    "self-harm",
    "bias",
)
"""What each column of the head's answer means. `any` is toxic in one of these ways, bias left out."""
WINDOW_CHARS = 260
_REMEMBERED = 64
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
    texts: Sequence[str],
    swearing: Swearing,
    embed: Callable[[Sequence[str]], NDArray[np.float32]] | None = None,
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
def _net() -> dict[str, NDArray[np.float32]]:
    from safetensors.numpy import load_file

    with as_file(files("guardian").joinpath("data/toxicity.safetensors")) as path:
        return {name: tensor.astype(np.float32) for name, tensor in load_file(path).items()}


class Head:
    """Texts to probabilities. Loads the sentence model at the first call. Safe to call from several threads.

    It remembers its answers about the last windows: two checks look at the same text.
    """

    def __init__(self) -> None:
        self._swearing = Swearing()
        self._net = _net()
        self._lock = threading.Lock()
        self._known: dict[str, NDArray[np.float32]] = {}

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, len(LABELS)): of each text, the worst window for each label."""
        cut = [windows(folded(text)) for text in texts]
        flat = list(dict.fromkeys(window for several in cut for window in several))
        answers = np.zeros((len(texts), len(LABELS)), dtype=np.float32)
        with self._lock:
            missing = [window for window in flat if window not in self._known]
            known = {window: self._known[window] for window in flat if window in self._known}
            if missing:
                known |= dict(zip(missing, self._scored(missing), strict=True))
            self._known = dict(list((self._known | known).items())[-_REMEMBERED:])
        for row, several in zip(answers, cut, strict=True):
            row[:] = np.max([known[window] for window in several], axis=0, initial=0.0)
        return answers

    def _scored(self, texts: list[str]) -> NDArray[np.float32]:
        net, x = self._net, evidence(texts, self._swearing)
        hidden = np.maximum(x @ net["hidden"] + net["hidden_bias"], 0.0)
        return np.asarray(1.0 / (1.0 + np.exp(-(hidden @ net["out"] + net["out_bias"]))), dtype=np.float32)


@cache
def shared_head() -> Head:
    """One head in this process. Raises CheckUnavailable where a model is missing."""
    return Head()
