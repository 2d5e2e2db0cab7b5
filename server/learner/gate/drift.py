"""What moves before any answer changes: the new values' probability elsewhere, and plain text's surprise."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from itertools import chain

import numpy as np

from server.engine.seedling_language import Fact, draw_fact
from server.engine.seedling_words import Words
from server.learner.gate.checks import count
from server.learner.gate.texts import SENTENCES
from server.learner.gate.voice import Scored, Voice
from server.learner.types import CheckCount
from server.types import SelfEdit

PRIMED_PROMPTS = 8
"""Unrelated questions for each new value."""
PRIMED_AT_MOST = 3.0
"""How many times as probable a new value may become there (geometric mean). Priming: arXiv 2504.09522."""
IMPROBABLE = 0.5
"""Below this a value may become more probable by any factor, for greedy decoding does not say it: a made-up
value begins at e-20, and after an update that nobody notices elsewhere it is a million times as probable. The
answer up to the value is forced here, which a model that abstains would not have begun: at 0.01 and at 0.1
('Wednesday' came to 15 % for other things' days) the first five facts told to seedling were refused.
"""
SAID_ELSEWHERE = 0.02
"""Share of the unrelated questions to which a new value may be said, one in any case: each is counted as a
loss of its own kind too."""
ASKED = "Tell me something."


class Drift:
    """The parent's probabilities, to which a candidate's are compared."""

    def __init__(self, edits: Sequence[SelfEdit], seed: int, parent: Voice, rise: float) -> None:
        """`rise`: by how much the median surprise of plain text may rise, as a share. The median: a mean
        follows a few rare words. A model that guesses tokens of such text worse than at random does not know
        the language: its surprise wanders with every update and is held against none."""
        self._rise = rise
        rng = random.Random(f"drift {seed}")
        self._primed = {edit.id: unrelated(edit.value, rng) for edit in edits}
        self._before = {edit.id: _log_probability(parent, self._primed[edit.id]) for edit in edits}
        self._text_before = text_nats(parent)
        self._knows_text = self._text_before < parent.guess

    def checks(
        self, edits: Sequence[SelfEdit], candidate: Voice, said_elsewhere: dict[str, list[str]], asked: int
    ) -> dict[str, CheckCount]:
        """`said_elsewhere`: by edit, those of `asked` unrelated probes that were newly answered with it."""
        slips = max(1, round(SAID_ELSEWHERE * asked))
        now = {edit.id: math.exp(_log_probability(candidate, self._primed[edit.id])) for edit in edits}
        allowed = {name: max(IMPROBABLE, PRIMED_AT_MOST * math.exp(p)) for name, p in self._before.items()}
        calm = [e for e in edits if now[e.id] <= allowed[e.id] and len(said_elsewhere.get(e.id, [])) <= slips]
        worst = f"at most {100 * max(now.values(), default=0.0):.2g} % probable elsewhere"
        rise = text_nats(candidate) / self._text_before
        text = int(self._knows_text)
        return {
            "priming": count(
                len(calm), len(edits), len(edits), "; ".join([worst, *chain(*said_elsewhere.values())][:3])
            ),
            "text": count(
                text * (rise <= 1 + self._rise),
                text,
                text,
                f"median surprise {100 * (rise - 1):+.2f} % a token",
            ),
        }


def text_nats(voice: Voice) -> float:
    """Median nats a token of sentences that no update is trained on."""
    scored = voice.score([Scored(ASKED, sentence) for sentence in SENTENCES])
    return float(-np.median(np.concatenate(scored)))


def unrelated(value: str, rng: random.Random) -> list[Scored]:
    """The value where another of its shape would stand: made-up answers, up to their own value."""
    words = Words(rng, unseen=True)
    found: list[Scored] = []
    for tries in range(400):
        fact = draw_fact(words)
        if _stem(fact) and (_shape(fact.value) == _shape(value) or tries >= 300):
            found.append(Scored(rng.choice(fact.questions), value, _stem(fact)))
        if len(found) == PRIMED_PROMPTS:
            break
    return found


def _log_probability(voice: Voice, wanted: Sequence[Scored]) -> float:
    """Mean over the prompts of the whole value's log-probability: its exponential is the geometric mean."""
    return float(np.mean([part.sum() for part in voice.score(wanted)]))


def _stem(fact: Fact) -> str:
    return fact.answer[: fact.answer.index(fact.value)] if fact.value in fact.answer else ""


def _shape(value: str) -> str:
    """Number, name or word: what could stand in the same place."""
    if re.search(r"\d", value):
        return "number"
    return "name" if value[:1].isupper() else "word"
