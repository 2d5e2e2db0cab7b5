"""Keys and values of every running answer: one block of memory per layer, a row per answer.

The block grows in steps as rows and lengths need it, never beyond its budget, and shrinks when idle.
Rows that are in use lie side by side from row 0, so that a decoding step reads a plain slice.

What no answer uses is zero: attention gives masked places no weight, but no weight times not-a-number is
not-a-number, so what one answer left behind could spoil another.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_LENGTH_STEP = 128
_ROW_STEP = 4
_KEPT_BYTES = 32 * 2**20

Piece = dict[int, tuple[Tensor, Tensor]]
"""By layer, keys and values of a few tokens, each (tokens, kv heads, head size)."""


class KVCache:
    """Per layer two tensors (rows, length, kv heads, head size) that grow together."""

    def __init__(self, bytes_per_token: int, budget_bytes: int) -> None:
        self.bytes_per_token = bytes_per_token
        self.budget_tokens = budget_bytes // bytes_per_token
        self.rows = 0
        self.length = 0
        """Tokens that fit in each row now."""
        self._keys: dict[int, Tensor] = {}
        self._values: dict[int, Tensor] = {}

    def fits(self, rows: int, length: int) -> bool:
        """Whether so many rows of so many tokens are within the budget. One row always is."""
        return rows <= 1 or rows * _up(length, _LENGTH_STEP) <= self.budget_tokens

    def reserve(self, rows: int, length: int) -> None:
        """Make room, keeping what is stored. The caller has asked `fits`."""
        if rows <= self.rows and length <= self.length:
            return
        rows = max(self.rows, _up(rows, _ROW_STEP)) if rows > self.rows else self.rows
        if length > self.length:
            length = _up(max(length, self.length + self.length // 2), _LENGTH_STEP)
        else:
            length = self.length
        for kept in (self._keys, self._values):
            for layer, old in kept.items():
                new = old.new_zeros(rows, length, *old.shape[2:])
                new[: self.rows, : self.length] = old
                kept[layer] = new
        self.rows, self.length = rows, length

    def store(self, layer: int, keys: Tensor, values: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Write a step's (tokens, kv heads, head size) at places row * length + position; give the blocks."""
        self._begin(layer, keys, values)
        all_keys, all_values = self._keys[layer], self._values[layer]
        all_keys.flatten(0, 1).index_copy_(0, slots, keys)
        all_values.flatten(0, 1).index_copy_(0, slots, values)
        return all_keys, all_values

    def move(self, source: int, target: int, length: int) -> None:
        """Bring the first `length` tokens of a row, all that it has, to a row that is wiped. A row that has
        none yet need not be reserved."""
        if not length:
            return
        for kept in (self._keys, self._values):
            for block in kept.values():
                block[target, :length] = block[source, :length]
                block[source, :length].zero_()

    def wipe(self, row: int, length: int) -> None:
        """Forget the first `length` tokens of a row, all that it has; none need not be reserved."""
        if not length:
            return
        for kept in (self._keys, self._values):
            for block in kept.values():
                block[row, :length].zero_()

    def swap(self, one: int, other: int, length: int) -> None:
        """Exchange the first `length` tokens of two rows."""
        for kept in (self._keys, self._values):
            for block in kept.values():
                block[[one, other], :length] = block[[other, one], :length]

    def cut(self, row: int, start: int, end: int) -> Piece:
        """A copy of what a row holds of its tokens start..end."""
        return {
            layer: (block[row, start:end].clone(), self._values[layer][row, start:end].clone())
            for layer, block in self._keys.items()
        }

    def paste(self, row: int, pieces: Sequence[Piece]) -> None:
        """Begin a row, which must have room, with pieces that follow one another."""
        for layer in pieces[0] if pieces else ():
            keys, values = (torch.cat([piece[layer][n] for piece in pieces]) for n in (0, 1))
            self._begin(layer, keys, values)
            self._keys[layer][row, : len(keys)] = keys
            self._values[layer][row, : len(values)] = values

    def rest(self) -> None:
        """No row is in use: give the memory back, except a little that the next answer can begin with."""
        if self.bytes > _KEPT_BYTES:
            self.clear()

    def clear(self) -> None:
        """Give all memory back."""
        self._keys.clear()
        self._values.clear()
        self.rows = self.length = 0

    def _begin(self, layer: int, keys: Tensor, values: Tensor) -> None:
        """Have blocks for a layer whose keys and values look like these."""
        if layer not in self._keys:
            for kept, like in ((self._keys, keys), (self._values, values)):
                kept[layer] = like.new_zeros(self.rows, self.length, *like.shape[1:])

    @property
    def bytes(self) -> int:
        """What the blocks occupy now."""
        return sum(t.nbytes for kept in (self._keys, self._values) for t in kept.values())


def kv_bytes_per_token(config: object, dtype: torch.dtype) -> int:
    """Bytes of keys and values that one token needs over all layers of a transformers text config."""
    heads = int(getattr(config, "num_attention_heads", 1))
    kv_heads = int(getattr(config, "num_key_value_heads", None) or heads)
    size = int(getattr(config, "head_dim", None) or getattr(config, "hidden_size", heads) // heads)
    return 2 * int(getattr(config, "num_hidden_layers", 1)) * kv_heads * size * dtype.itemsize


def _up(number: int, step: int) -> int:
    return -(-number // step) * step
