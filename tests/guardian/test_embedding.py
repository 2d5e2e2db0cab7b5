"""Sentence embeddings: what is packaged, other folders, and what cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from guardian import CheckUnavailable
from guardian.embedding import Embedder, packaged_dir, shared

TEXTS = ["The library in Arden opens at 9 am.", "A cat.", "", "The library of Arden is open from nine."]


def test_vectors_have_length_one_and_near_texts_are_near() -> None:
    vectors = shared()(TEXTS)
    assert vectors.shape == (4, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[3] > 0.8 > vectors[0] @ vectors[1]


def test_the_packaged_model_gives_what_sentence_transformers_gives() -> None:
    assert np.allclose(shared()(TEXTS), Embedder(str(packaged_dir()))(TEXTS), atol=1e-5)


def test_no_texts_give_no_vectors() -> None:
    assert shared()([]).shape == (0, 384)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckUnavailable, match="holds no sentence-transformers model"):
        Embedder(str(tmp_path))(["a"])
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckUnavailable, match="cannot be loaded as a sentence model"):
        Embedder(str(tmp_path))(["a"])
