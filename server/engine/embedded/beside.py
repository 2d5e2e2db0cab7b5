"""How much of what nobody waits for a step may read beside running answers, found from how long steps take.

The editor's prompts make a step longer for all answers that run in it, by how much depends on the model, the
processor and how many rows there are already: with one row a second and a third are all but free on some
processors, and a fourth doubles the step. So nothing is assumed: the allowance grows while steps with so many
tokens take little longer than steps without, is halved when one takes more than SLOWEST times as long, and
then grows one token at a time, so seldom that the longer steps which this brings are not one in a hundred.
"""

from __future__ import annotations

import statistics
from collections import defaultdict, deque
from dataclasses import dataclass, field

SLOWEST = 1.5
"""A step that reads may take so many times as long as one that does not."""
FIRST = 4
"""Tokens to begin with."""
PATIENCE = 256
"""Steps within bounds before one token more is tried, once there was one too many."""
REFRESH = 64
"""After so many steps that read, one does not: what it takes without changes with the length of answers."""
_SAMPLES = 9
_LEAST_SAMPLES = 3


@dataclass(slots=True)
class _Known:
    """What was seen of steps with some number of running answers."""

    plain: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))
    """Seconds of the last steps that read nothing."""
    tokens: int = FIRST
    since: int = 0
    """Steps that read since the last that did not."""
    good: int = 0
    """Steps within bounds since the allowance changed."""
    met: bool = False
    """Whether there was one too many yet."""


class Beside:
    """The allowance, by the number of answers that run. Used by one thread."""

    def __init__(self, most: int) -> None:
        """`most`: tokens that a step may read in all."""
        self._most = most
        self._known: defaultdict[int, _Known] = defaultdict(_Known)

    def allowed(self, rows: int) -> int:
        """How many tokens the next step may read beside so many answers that run."""
        known = self._known[rows]
        if len(known.plain) < _LEAST_SAMPLES or known.since >= REFRESH:
            return 0
        return min(known.tokens, self._most)

    def note(self, rows: int, read: int, seconds: float) -> None:
        """A step decoded so many rows, read so many tokens for nobody, and took so long."""
        known = self._known[rows]
        if not read:
            known.plain.append(seconds)
            known.since = 0
            return
        known.since += 1
        if not known.plain:
            return
        if seconds > SLOWEST * statistics.median(known.plain):
            known.tokens, known.good, known.met = max(1, min(known.tokens, read) // 2), 0, True
        elif read >= min(known.tokens, self._most):
            known.good += 1
            if not known.met:
                known.tokens = min(self._most, 2 * known.tokens)
            elif known.good >= PATIENCE:
                known.tokens, known.good = min(self._most, known.tokens + 1), 0
