"""Grades of an example, from what can be measured: a small model cannot grade itself in words.

Relevance: the subject is named and the statement's words are kept. Accuracy: how sure the model is of the
value when it answers from the statement alone. Style: how likely the model finds the wording when it is to
write a question about the statement, against those that it wrote itself. Its own are alike, so their spread
alone would call every other wording strange: a nat a token is the least that counts as a standard deviation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, pstdev

from server.editor.value import Value
from server.editor.words import content_stems
from server.engine.types import TokenLogprob
from server.types import Scores

LEAST = 3.0
"""No score of a kept example is lower."""
LEAST_MEAN = 4.0
LEAST_SPREAD = 1.0
"""In nats a token."""


def relevance(question: str, statement: str, value: Value, named: bool, by_table: bool) -> float:
    """1 to 5. A wording of the table stands for the words that it replaces: it keeps them all."""
    wanted = content_stems(statement[: value.start] + " " + statement[value.end :])
    kept = 1.0 if by_table or not wanted else len(wanted & content_stems(question)) / len(wanted)
    return 1 + 2 * named + 2 * kept


def accuracy(answer: Sequence[TokenLogprob], value: str) -> float:
    """1 to 5, from the geometric mean of the probabilities of the value's tokens; 1 where it is not said."""
    text = "".join(token.token for token in answer)
    at = text.lower().find(value.lower())
    if at < 0:
        return 1.0
    inside, start = [], 0
    for token in answer:
        if start < at + len(value) and start + len(token.token) > at:
            inside.append(token.logprob)
        start += len(token.token)
    return 1 + 4 * math.exp(fmean(inside))


def style(likelihoods: Sequence[float], own: Sequence[bool]) -> list[float]:
    """1 to 5 for each wording, from its distance to the model's own ones, in their standard deviations."""
    lineage = [nats for nats, is_own in zip(likelihoods, own, strict=True) if is_own] or list(likelihoods)
    if not lineage:
        return []
    mean, spread = fmean(lineage), max(LEAST_SPREAD, pstdev(lineage))
    return [min(5.0, max(1.0, 4.5 + (nats - mean) / spread / 2)) for nats in likelihoods]


def objection(scores: Scores) -> str:
    """Why an example is not good enough to be trained; '' when it is."""
    worst = min(("relevance", "accuracy", "style"), key=lambda name: float(getattr(scores, name)))
    lowest = float(getattr(scores, worst))
    if lowest < LEAST:
        return f"its {worst} is {lowest:.1f} of 5"
    return f"its scores are {scores.mean:.1f} of 5 on average" if scores.mean < LEAST_MEAN else ""
