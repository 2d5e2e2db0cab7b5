"""A sentence model in this process: the packaged all-MiniLM-L6-v2, or a sentence-transformers folder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from guardian.embedding import packaged_dir, shared
from guardian.errors import CheckUnavailable
from server.embedding.types import Embedded, EmbeddingsDown, InputTooLong, shortened

PACKAGED = "all-MiniLM-L6-v2"
PACKAGED_TOKENS = 256


class LocalEmbedding:
    """Loaded at the first use, and shared with the guardian where that runs in this process too."""

    def __init__(self, model_dir: str = "") -> None:
        self.model = Path(model_dir).name if model_dir else PACKAGED
        self._dir = model_dir
        self._turn = asyncio.Lock()
        """One at a time: who waits must not hold a thread that chat's commits need."""

    async def embed(self, texts: Sequence[str], dimensions: int | None) -> Embedded:
        """In a thread: chat goes on meanwhile. Raises EmbeddingError."""
        async with self._turn:
            return await asyncio.to_thread(self._embed, list(texts), dimensions)

    async def close(self) -> None:
        """Nothing is held open."""

    def _embed(self, texts: list[str], dimensions: int | None) -> Embedded:
        try:
            counts = [len(encoding.ids) for encoding in self._tokenizer.encode_batch(texts)]
            longest = self._max_tokens
            for n, count in enumerate(counts):
                if count > longest:
                    raise InputTooLong(
                        f"input[{n}] has {count} tokens, and {self.model} reads {longest}: split it, or "
                        "configure another model (embeddings.model_dir, embeddings.base_url)."
                    )
            return Embedded(shortened(shared(self._dir)(texts), dimensions), sum(counts))
        except CheckUnavailable as error:
            raise EmbeddingsDown(str(error)) from error

    @property
    def _folder(self) -> Path:
        return Path(self._dir) if self._dir else packaged_dir()

    @cached_property
    def _tokenizer(self) -> Any:
        """The model's own, which counts without cutting anything off."""
        from tokenizers import Tokenizer

        path = self._folder / "tokenizer.json"
        if not path.is_file():
            raise EmbeddingsDown(f"{self._folder} holds no tokenizer.json; convert the model first.")
        tokenizer = Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _max_tokens(self) -> int:
        if not self._dir:
            return PACKAGED_TOKENS
        for name, key in (
            ("sentence_bert_config.json", "max_seq_length"),
            ("config.json", "max_position_embeddings"),
        ):
            path = self._folder / name
            length = json.loads(path.read_text()).get(key) if path.is_file() else None
            if isinstance(length, int):
                return length
        return PACKAGED_TOKENS
