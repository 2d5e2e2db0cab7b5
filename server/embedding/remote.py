"""Embeddings of another server, by OpenAI's own protocol."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray

from server.embedding.types import Embedded, EmbeddingError, EmbeddingsDown


class RemoteEmbedding:
    """Asks `base_url`/embeddings for vectors of `model`. Connections are kept."""

    def __init__(self, base_url: str, model: str, key: str = "", timeout_seconds: float = 30.0) -> None:
        self.model = model
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._url = f"{base_url.rstrip('/')}/embeddings"
        self._http = httpx.AsyncClient(headers=headers, timeout=timeout_seconds)

    async def embed(self, texts: Sequence[str], dimensions: int | None) -> Embedded:
        """Shortening is the other server's work. Raises EmbeddingError, with its words where it refuses."""
        body: dict[str, Any] = {"model": self.model, "input": list(texts), "encoding_format": "base64"}
        if dimensions is not None:
            body["dimensions"] = dimensions
        try:
            response = await self._http.post(self._url, json=body)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise EmbeddingsDown(f"the embeddings' server does not answer ({why}).") from error
        if response.status_code in (400, 413, 422):
            raise EmbeddingError(f"the embeddings' server refuses: {_words(response)}")
        if response.status_code != 200:
            status = response.status_code
            raise EmbeddingsDown(f"the embeddings' server answers {status}: {_words(response)}")
        return _read(response, len(texts))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()


def _read(response: httpx.Response, count: int) -> Embedded:
    try:
        body = response.json()
        rows = sorted(body["data"], key=lambda row: row["index"])
        vectors = np.stack([_vector(row["embedding"]) for row in rows])
        tokens = int(body.get("usage", {}).get("prompt_tokens", 0))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EmbeddingsDown(f"the embeddings' server answers what is no embedding ({error}).") from error
    if len(vectors) != count:
        raise EmbeddingsDown(f"the embeddings' server sent {len(vectors)} vectors for {count} texts.")
    return Embedded(vectors, tokens)


def _vector(embedding: Any) -> NDArray[np.float32]:
    """Numbers, or their float32 bytes in base64: some servers know the first form only."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4")
    return np.asarray(embedding, np.float32)


def _words(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return response.text[:200]
