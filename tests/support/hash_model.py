"""A language model made of hashes: what comes next depends on the weights and on every character before.

Tokens are characters. It knows nothing, but it is a function of what a real model is a function of, so that
mixed weights, lost tokens and stale caches show in what it says.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import string
from collections.abc import Mapping, Sequence

LETTERS = string.ascii_lowercase + "   .,"
ALPHABET = "".join(dict.fromkeys(LETTERS))


def encode(text: str) -> list[int]:
    """Token ids: code points."""
    return [ord(letter) for letter in text]


def decode(ids: Sequence[int]) -> str:
    """The text again."""
    return "".join(map(chr, ids))


def prompt(messages: Sequence[Mapping[str, str]]) -> str:
    """The chat template, with the assistant's turn opened."""
    return "".join(f"<{m['role']}>{m['content']}\n" for m in messages) + "<assistant>"


def next_tokens(weights: str, ids: Sequence[int]) -> list[tuple[int, float]]:
    """(id, natural-log probability) of everything that can follow, most probable first: ½, ¼, ⅛, …"""
    key = hashlib.sha256(f"{weights}/{json.dumps(list(ids))}".encode()).hexdigest()
    order = random.Random(key).sample(ALPHABET, len(ALPHABET))
    return [(ord(letter), -(place + 1) * math.log(2)) for place, letter in enumerate(order)]


def choose(ranked: Sequence[tuple[int, float]], temperature: float, seed: int | None, place: int) -> int:
    """The most probable at temperature 0, else drawn; the same seed and place draw the same."""
    if not temperature:
        return ranked[0][0]
    chance = random.Random(f"{seed}/{place}") if seed is not None else random.Random()
    weights = [math.exp(logprob / temperature) for _, logprob in ranked]
    return chance.choices([token for token, _ in ranked], weights)[0]


def logprob_of(weights: str, ids: Sequence[int], token: int) -> float:
    """How likely a token is after others; what the model never says has the least."""
    ranked = dict(next_tokens(weights, ids))
    return ranked.get(token, -(len(ALPHABET) + 1) * math.log(2))
