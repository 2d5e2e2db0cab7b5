"""Texts to vectors for POST /v1/embeddings: a local sentence model, or another server's."""

from server.embedding.types import (
    BadDimensions,
    Embedded,
    Embedding,
    EmbeddingError,
    EmbeddingsDown,
    InputTooLong,
)

__all__ = ["BadDimensions", "Embedded", "Embedding", "EmbeddingError", "EmbeddingsDown", "InputTooLong"]
