"""From log-probabilities to a score: how bad the answer is on average over what the judge might have said."""

from __future__ import annotations

import math
from collections.abc import Mapping

from guardian.judges.types import Reply, Step


def score(reply: Reply, said: str, badness: Mapping[str, float], after: str = "") -> float:
    """The expected badness at the token that gave the answer; without probabilities that of `said`.

    `badness`: each possible answer in lower case with its badness from 0 to 1; `after`: what the reply says
    before its answer. Probabilities that do not fit what was said are of another token and are not believed.
    """
    plain = badness[said]
    expected = _expected(reply, badness, after)
    return plain if expected is None or abs(expected - plain) > 0.5 else round(expected, 4)


def _expected(reply: Reply, badness: Mapping[str, float], after: str) -> float | None:
    before = ""
    for step in reply.steps:
        if after in before and _answers(step.token, badness):
            return _mean(step, badness)
        before += step.token
    return None


def _mean(step: Step, badness: Mapping[str, float]) -> float | None:
    total = weighted = 0.0
    for token, logprob in step.alternatives:
        for answer in _answers(token, badness)[:1]:
            total += math.exp(logprob)
            weighted += math.exp(logprob) * badness[answer]
    return weighted / total if total else None


def _answers(token: str, badness: Mapping[str, float]) -> list[str]:
    """The answers that a token begins: tokenizers may cut 'unsafe' into 'uns' and 'afe'."""
    start = token.strip().lower()
    return [answer for answer in badness if start and answer.startswith(start)]
