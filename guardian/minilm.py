"""all-MiniLM-L6-v2 with torch's own encoder layer.

A BERT of six layers (post-norm, GELU), whose sentence vector is the mean of its last layer (its model card;
Reimers & Gurevych 2019, arXiv:1908.10084). The same vectors as by sentence-transformers, whose imports cost
the guardian's process some 130 MB that this model does not need.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

WIDTH, HEADS, HIDDEN, LAYERS = 384, 12, 1536, 6
EPSILON = 1e-12
MAX_TOKENS = 256
"""What it was trained on; the rest of a text is not read."""
BATCH = 32


class MiniLM:
    """Texts to unit vectors."""

    def __init__(self, folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()
        self._words = weights["embeddings.word_embeddings.weight"]
        # every token has a place; all of a single text have the first of the two types
        self._places = (
            weights["embeddings.position_embeddings.weight"]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._norm = nn.LayerNorm(WIDTH, EPSILON)
        self._norm.load_state_dict(_part(weights, "embeddings.LayerNorm"))
        self._layers = [_layer(weights, f"encoder.layer.{n}") for n in range(LAYERS)]

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        """(n, 384), float32, rows of length 1."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # little padding in a batch
        vectors: NDArray[np.float32] = np.empty((len(texts), WIDTH), np.float32)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            vectors[batch] = self._some([texts[i] for i in batch]).numpy()
        return vectors

    @torch.inference_mode()
    def _some(self, texts: list[str]) -> Tensor:
        read = self._tokenizer.encode_batch(texts)
        ids = torch.tensor([one.ids for one in read])
        kept = torch.tensor([one.attention_mask for one in read])
        states = self._norm(self._words[ids] + self._places[: ids.shape[1]])
        for layer in self._layers:
            states = layer(states, src_key_padding_mask=kept == 0)
        kept = kept.unsqueeze(-1)
        return nn.functional.normalize((states * kept).sum(1) / kept.sum(1), dim=-1)


def _part(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name: weights[f"{prefix}.{name}"] for name in ("weight", "bias")}


def _layer(weights: dict[str, Tensor], prefix: str) -> nn.TransformerEncoderLayer:
    """One layer in torch's names: its attention keeps query, key and value in one matrix."""
    layer = nn.TransformerEncoderLayer(
        WIDTH, HEADS, HIDDEN, activation="gelu", layer_norm_eps=EPSILON, batch_first=True
    ).eval()
    parts = [_part(weights, f"{prefix}.attention.self.{name}") for name in ("query", "key", "value")]
    state = {
        f"self_attn.in_proj_{name}": torch.cat([part[name] for part in parts]) for name in ("weight", "bias")
    }
    for ours, theirs in (
        ("self_attn.out_proj", "attention.output.dense"),
        ("norm1", "attention.output.LayerNorm"),
        ("linear1", "intermediate.dense"),
        ("linear2", "output.dense"),
        ("norm2", "output.LayerNorm"),
    ):
        state |= {f"{ours}.{name}": value for name, value in _part(weights, f"{prefix}.{theirs}").items()}
    layer.load_state_dict(state)
    return layer
