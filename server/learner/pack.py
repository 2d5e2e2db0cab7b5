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
from server.learner.sizes import WHOLE


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


def pack(examples: Sequence[Encoded], prefix: tuple[int, ...], row_tokens: int = 256) -> Packed:
    """Lay out examples, the longest first, each in the first row with room for it (first-fit decreasing).

    What comes out is in the order of the examples all the same.
    """
    rows: list[list[int]] = []
    room: list[int] = []
    own = [len(example.ids) - len(prefix) for example in examples]
    most = max(row_tokens, len(prefix) + max(own)) - len(prefix)
    for index in sorted(range(len(examples)), key=lambda i: (-own[i], i)):
        row = next((r for r, left in enumerate(room) if left >= own[index]), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(most)
        rows[row].append(index)
        room[row] -= own[index]
    columns = max(len(prefix) + sum(len(examples[i].ids) - len(prefix) for i in members) for members in rows)
    columns = WHOLE * -(-columns // WHOLE)
    ids = torch.zeros(len(rows), columns, dtype=torch.long)
    positions = torch.zeros_like(ids)
    segments = torch.full_like(ids, -1)  # -1 is nobody's, 0 is the prefix
    places = [(0, 0, 0)] * len(examples)
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
            places[index] = (r, at, end)
            at = end
    predict: list[int] = []
    targets: list[int] = []
    owner: list[int] = []
    for index, (example, (r, _, end)) in enumerate(zip(examples, places, strict=True)):
        last = r * columns + end - 1
        predict.extend(range(last - len(example.answer), last))
        targets.extend(example.answer)
        owner.extend([index] * len(example.answer))
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
