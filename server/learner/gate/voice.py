"""One version as the gate hears it: it can be asked, and it can be listened to word by word."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from server.learner.generate import Answer


@dataclass(frozen=True, slots=True)
class Scored:
    """Words whose probability is asked for: `wanted`, after `given` has been said to `question`."""

    question: str
    wanted: str
    given: str = ""


Ask = Callable[[Sequence[str]], list[Answer]]
Score = Callable[[Sequence[Scored]], list[np.ndarray]]
"""Log-probability in nats of each token of `wanted`, one array for each request."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Greedy answers with the chat template and memory off, and log-probabilities of given words."""

    ask: Ask
    score: Score
    guess: float = math.inf
    """Nats of a token that is drawn at random from the whole vocabulary."""
