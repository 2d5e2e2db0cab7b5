"""How much is computed at once: for what computes it, and for what reckons its memory without torch."""

from __future__ import annotations

import math

PART_TOKENS = 1024
"""Tokens, the shared prefix counted for each example, of which one forward and backward pass is made."""
CHUNK = 64
"""Answer tokens whose logits exist at once: 64 × 49,152 floats fit in a processor's last cache."""
ROWS = 64
"""Answers generated at once by the probes."""
CACHE_BATCH = 24
"""Examples run through the lower layers at once."""
BANK_AT_MOST = 96
"""General questions of the bank that an update is held to (server.learner.anchored)."""
BEHIND_WORDS, BEHIND_ODD = 36, 24
"""Of these and of the model's own questions, so many are also held behind words of each new fact, and behind
odd ones, where the recipe is guarded."""
REQUESTS_AT_MOST = 160
"""The model's own requests, where the recipe holds any."""
LONG_REQUEST, LONG_GUARD = 3, 2
"""Shots that a held request, and a question behind words of a fact, are as long as."""
ATTENTION_SHARE = 0.25
"""What attention over one more column costs a token beside its linear maps, times the model's width: measured
on one processor core with seedling (a quarter of the time at 256 columns, 192 wide)."""
LEAST_TOKENS = 64
WHOLE = 32
"""Rows are filled up to a multiple of this. oneDNN compiles and keeps a kernel for every shape of every
product: with rows of any length SmolLM2's learner grew by 35 to 45 MB a step."""


def row_tokens(prefix: int, width: int) -> int:
    """The row length that costs least: longer rows pay attention over tokens that are masked anyway, shorter
    ones repeat the prefix of so many tokens. Where (1 + aR)·R/(R − P) is least, in multiples of WHOLE."""
    best = prefix + math.sqrt(prefix**2 + prefix * width / ATTENTION_SHARE)
    return max(LEAST_TOKENS, WHOLE * round(best / WHOLE))
