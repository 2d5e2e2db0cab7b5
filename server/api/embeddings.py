"""POST /v1/embeddings, in OpenAI's shapes."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from fastapi import APIRouter
from numpy.typing import NDArray

from server.api.auth import ChatSpeaker
from server.api.context import Ctx
from server.api.errors import ApiError, invalid
from server.api.schemas_openai import EmbeddingRequest
from server.api.text import is_unicode

router = APIRouter(tags=["chat"])
MAX_INPUTS = 2048
"""OpenAI's own limit."""


@router.post("/v1/embeddings")
async def embeddings(body: EmbeddingRequest, context: Ctx, speaker: ChatSpeaker) -> dict[str, Any]:
    """One vector a text, of length 1 where the model gives such. Nothing is stored or learned."""
    embedding = context.embedding
    if body.model != embedding.model:
        raise ApiError(
            404,
            f"The model {body.model!r} does not exist here; this server embeds with {embedding.model!r}.",
            code="model_not_found",
            param="model",
        )
    embedded = await embedding.embed(_texts(body.input), body.dimensions)
    written = _base64 if body.encoding_format == "base64" else _numbers
    return {
        "object": "list",
        "model": embedding.model,
        "data": [
            {"object": "embedding", "index": n, "embedding": written(vector)}
            for n, vector in enumerate(embedded.vectors)
        ],
        "usage": {"prompt_tokens": embedded.prompt_tokens, "total_tokens": embedded.prompt_tokens},
    }


def _texts(given: str | list[Any]) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not texts or len(texts) > MAX_INPUTS:
        raise invalid(f"input must be a string, or 1 to {MAX_INPUTS} strings.", "input", "empty_array")
    for n, text in enumerate(texts):
        if isinstance(text, int | list):
            raise invalid(
                f"input[{n}] is a token number or a list of them; this server takes text only (in LangChain: "
                "check_embedding_ctx_length=False).",
                f"input[{n}]",
                "unsupported_content",
            )
        if not isinstance(text, str) or not text.strip():
            raise invalid(f"input[{n}] must be text that is not empty.", f"input[{n}]", "empty_message")
        if not is_unicode(text):
            raise invalid(f"input[{n}] holds half of a surrogate pair, which is no character.", f"input[{n}]")
    return texts


def _numbers(vector: NDArray[np.float32]) -> list[float]:
    numbers: list[float] = vector.tolist()
    return numbers


def _base64(vector: NDArray[np.float32]) -> str:
    """float32, least significant byte first, as OpenAI's clients read it."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
