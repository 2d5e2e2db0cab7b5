"""Examples laid side by side in rows that share one copy of the template's prefix: few tokens wasted.

A row is: the shared prefix, then the rest of several examples. Each example sees the prefix and itself, at
the positions it would have alone. With a system message of 24 tokens and questions of 20 this halves the
work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from server.learner.chat import Encoded

ROW_TOKENS = 256
"""Longer rows pay attention over more tokens that are masked anyway; shorter ones repeat the prefix."""
WHOLE = 32
"""Rows are filled up to a multiple of this. oneDNN compiles and keeps a kernel for every shape of every
product: with rows of any length SmolLM2's learner grew by 35 to 45 MB a step."""


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows × columns of tokens and where the answers are in them."""

    ids: torch.Tensor
    """(rows, columns); columns beyond a row's end repeat token 0 and are seen by nobody."""
    positions: torch.Tensor
    """(rows, columns) position within the example's own conversation."""
    mask: torch.Tensor
    """(rows, 1, columns, columns) bool: may attend."""
    places: tuple[tuple[int, int, int], ...]
    """Per example: row, first and last+1 column of its own tokens."""
    predict: torch.Tensor
    """(answer tokens,) flat index (row · columns + column) of the position that predicts each."""
    targets: torch.Tensor
    """(answer tokens,) the tokens to be said."""
    owner: torch.Tensor
    """(answer tokens,) which example each belongs to."""


def pack(examples: Sequence[Encoded], prefix: tuple[int, ...], row_tokens: int = ROW_TOKENS) -> Packed:
    """Lay out examples in given order, closing a row when the next one would exceed `row_tokens`."""
    rows: list[list[int]] = [[]]
    used = len(prefix)
    for index, example in enumerate(examples):
        own = len(example.ids) - len(prefix)
        if rows[-1] and used + own > row_tokens:
            rows.append([])
            used = len(prefix)
        rows[-1].append(index)
        used += own
    columns = max(len(prefix) + sum(len(examples[i].ids) - len(prefix) for i in members) for members in rows)
    columns = WHOLE * -(-columns // WHOLE)
    ids = torch.zeros(len(rows), columns, dtype=torch.long)
    positions = torch.zeros_like(ids)
    segments = torch.full_like(ids, -1)  # -1 is nobody's, 0 is the prefix
    places: list[tuple[int, int, int]] = []
    predict: list[int] = []
    targets: list[int] = []
    owner: list[int] = []
    for r, members in enumerate(rows):
        at = len(prefix)
        ids[r, :at] = torch.tensor(prefix, dtype=torch.long)
        positions[r, :at] = torch.arange(at)
        segments[r, :at] = 0
        for index in members:
            tokens = examples[index].ids[len(prefix) :]
            end = at + len(tokens)
            ids[r, at:end] = torch.tensor(tokens, dtype=torch.long)
            positions[r, at:end] = torch.arange(len(prefix), len(prefix) + len(tokens))
            segments[r, at:end] = index + 1
            places.append((r, at, end))
            answer = examples[index].answer
            predict.extend(range(r * columns + end - len(answer) - 1, r * columns + end - 1))
            targets.extend(answer)
            owner.extend([index] * len(answer))
            at = end
    return Packed(
        ids,
        positions,
        _mask(segments, positions),
        tuple(places),
        torch.tensor(predict),
        torch.tensor(targets),
        torch.tensor(owner),
    )


def _mask(segments: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    asks, seen = segments[:, :, None], segments[:, None, :]
    allowed = (asks == seen) | ((seen == 0) & (asks > 0))
    causal = positions[:, None, :] <= positions[:, :, None]
    own = torch.eye(segments.shape[1], dtype=torch.bool)  # a token of nobody sees itself: no empty softmax
    return ((allowed & causal & (asks >= 0)) | own)[:, None]
