"""What embeds: the protocol that a local model and another server's both meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class EmbeddingError(Exception):
    """The texts could not be embedded as asked."""


class InputTooLong(EmbeddingError):
    """A text has more tokens than the model reads."""


class BadDimensions(EmbeddingError):
    """More numbers were asked for than the model's vectors have."""


class EmbeddingsDown(EmbeddingError):
    """The sentence model cannot be loaded, or its server does not answer."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors, and what they cost."""

    vectors: NDArray[np.float32]
    """(texts, dimensions)."""
    prompt_tokens: int


class Embedding(Protocol):
    """Embeds texts. Safe to be asked from several requests at a time."""

    model: str
    """The id under which it is asked for."""

    async def embed(self, texts: Sequence[str], dimensions: int | None) -> Embedded:
        """Vectors of the texts, shortened to `dimensions`. Raises EmbeddingError."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def shortened(vectors: NDArray[np.float32], dimensions: int | None) -> NDArray[np.float32]:
    """The first numbers of unit vectors, made unit vectors again, as OpenAI shortens its own.

    Raises BadDimensions. On a model that was not trained for it (Matryoshka, Kusupati et al. 2022,
    arXiv:2205.13147) shorter vectors compare worse.
    """
    width = vectors.shape[1]
    if dimensions is None or dimensions == width:
        return vectors
    if dimensions > width:
        raise BadDimensions(f"dimensions is {dimensions}; this model's vectors have {width}.")
    cut = vectors[:, :dimensions]
    lengths = np.linalg.norm(cut, axis=1, keepdims=True)
    result: NDArray[np.float32] = cut / np.maximum(lengths, np.finfo(np.float32).tiny)
    return result
