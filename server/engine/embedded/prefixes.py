"""Keys and values of what was read lately: a prompt that begins as one before it is read from there on.

What is read again and again is long next to what is new in it: the worked examples of the editor's tasks, a
conversation sent whole with each turn. Prompts are kept in blocks of BLOCK tokens, and a block is found by
its parent, which stands for all before it, and its own tokens, as in vLLM's prefix caching (Kwon et al. 2023,
arXiv:2309.06180, §4.4). Two roots never share: another version has other keys and values, and who could reuse
what was read for somebody else could learn from the time it takes what that one said.

The least recently used go first, and all that was not used for KEPT_SECONDS: nobody's words stay in memory
for long.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from server.engine.embedded.kvcache import KVCache, Piece

BLOCK = 16
"""Tokens. Of what two prompts share, the last part of a block is read again."""
KEPT_SECONDS = 120.0
MOST_SHARE = 0.25
"""Of the cache's budget, what may be held beside running answers. These come first: the rest is theirs."""


class Root(NamedTuple):
    """Where a chain of blocks begins."""

    graft: str | None
    """Key of the version's adapter; None for the base."""
    salt: str
    """Whose prompt it is."""


_Key = tuple[Root | int, tuple[int, ...]]
"""Root or the number of the block before, and the tokens."""


@dataclass(slots=True)
class _Block:
    number: int
    root: Root
    piece: Piece
    used: float


class Prefixes:
    """What is held, by root and tokens. Used by the thread that runs the model."""

    def __init__(self, cache: KVCache, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache = cache
        self._clock = clock
        self._blocks: OrderedDict[_Key, _Block] = OrderedDict()
        self._numbers = 0

    @property
    def tokens(self) -> int:
        """How many tokens are held."""
        return BLOCK * len(self._blocks)

    def known(self, root: Root, tokens: Sequence[int]) -> int:
        """How many of the first tokens are held; the last one of all never counts, as it has to be run."""
        return BLOCK * sum(1 for _ in self._chain(root, tokens[:-1]))

    def paste(self, root: Root, tokens: Sequence[int], row: int) -> None:
        """Write what is known of the tokens into a row, which must have room."""
        chain = list(self._chain(root, tokens[:-1]))
        self._touch(chain)
        self._cache.paste(row, [self._blocks[key].piece for key in chain])

    def keep(self, root: Root, tokens: Sequence[int], row: int) -> None:
        """Hold the whole blocks of tokens that a row has been filled with."""
        chain = list(self._chain(root, tokens))
        for start in range(BLOCK * len(chain), len(tokens) - BLOCK + 1, BLOCK):
            parent = self._blocks[chain[-1]].number if chain else root
            chain.append((parent, tuple(tokens[start : start + BLOCK])))
            self._numbers += 1
            piece = self._cache.cut(row, start, start + BLOCK)
            self._blocks[chain[-1]] = _Block(self._numbers, root, piece, 0.0)
        self._touch(chain)
        self.trim()

    def trim(self) -> None:
        """Give up what is beyond the budget or has not been used for long."""
        budget = self._cache.budget_tokens
        room = min(int(MOST_SHARE * budget), budget - self._cache.rows * self._cache.length)
        oldest = self._clock() - KEPT_SECONDS
        while self._blocks:
            block = next(iter(self._blocks.values()))
            if self.tokens <= room and block.used >= oldest:
                break
            self._blocks.popitem(last=False)

    def drop(self, graft: str) -> None:
        """Give up what was read by a version that is no longer there."""
        for key in [key for key, block in self._blocks.items() if block.root.graft == graft]:
            del self._blocks[key]

    def _touch(self, chain: Sequence[_Key]) -> None:
        """These were used now; each outlives those that are found through it."""
        for key in reversed(chain):
            self._blocks[key].used = self._clock()
            self._blocks.move_to_end(key)

    def _chain(self, root: Root, tokens: Sequence[int]) -> Iterator[_Key]:
        """Keys of the blocks that are held, from the first on."""
        parent: Root | int = root
        for start in range(0, len(tokens) - BLOCK + 1, BLOCK):
            key = (parent, tuple(tokens[start : start + BLOCK]))
            if key not in self._blocks:
                return
            yield key
            parent = self._blocks[key].number
