"""Small BERT classifiers for the tests of loaders, and a pickle that would run code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tiny_bert(
    words: Sequence[str], labels: Sequence[str], positions: int, heads: int | None = None
) -> BertForSequenceClassification:
    """One layer, 16 wide, random; `heads` without names in place of `labels`."""
    torch.manual_seed(0)
    make: Any = BertConfig  # what it takes is not typed in the library
    config = make(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=positions,
        num_labels=heads or len(labels),
        id2label=None if heads else dict(enumerate(labels)),
    )
    model: BertForSequenceClassification = BertForSequenceClassification(config)
    model.train(False)
    return model


def write_tokenizer(folder: Path, words: Sequence[str]) -> None:
    """Make the folder, with a tokenizer of these words in it."""
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(words))
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)


class Touches:
    """Unpickled, it makes a file: weights that run code."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._path,)
