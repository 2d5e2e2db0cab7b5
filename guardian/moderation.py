"""Scores of a text in OpenAI's moderation categories, from the scorer that the toxicity check uses.

A scorer that tells kinds apart (`categories`) is asked for them. One that gives a single score is read with
the patterns of guardian/hostility.py: contempt of a group is hate, a threat is violence, the rest harassment.
A category that the scorer cannot judge has score 0 and is not among `judged`.
Not covered: what the toxicity check does not cover, and what only a text longer than a window says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from guardian.checks.toxicity import Bundled
from guardian.checks.toxicity_model import LocalModel
from guardian.hostility import hostile
from guardian.types import Policy
from guardian.unicode import canonical, folded_readings

CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
"""OpenAI's names."""
WINDOW_CHARS = 2_000
_OF_PATTERN = {
    "threat": ("harassment", "harassment/threatening", "violence"),
    "incitement": ("harassment", "hate", "hate/threatening", "violence"),
    "dehumanisation": ("harassment", "hate"),
    "hatred": ("harassment", "hate"),
}
"""What each pattern of guardian/hostility.py says."""
_PATTERNS_JUDGE = frozenset(category for several in _OF_PATTERN.values() for category in several)
_OTHER_NAMES = {
    "toxicity": "harassment",
    "toxic": "harassment",
    "severe_toxicity": "harassment",
    "severe_toxic": "harassment",
    "insult": "harassment",
    "obscene": "sexual",
    "sexual_explicit": "sexual",
    "identity_attack": "hate",
    "identity_hate": "hate",
    "threat": "violence",
}
"""What other scorers call them."""


@dataclass(frozen=True, slots=True)
class Moderation:
    """What was seen in one text."""

    scores: Mapping[str, float]
    """0 to 1 for each of CATEGORIES."""
    judged: frozenset[str]
    """Categories that the backend can see at all; the others' 0 means nothing."""
    threshold: float

    @property
    def categories(self) -> dict[str, bool]:
        """Which categories reach the threshold."""
        return {name: score >= self.threshold for name, score in self.scores.items()}

    @property
    def flagged(self) -> bool:
        """Whether any does."""
        return any(self.categories.values())


class Moderator:
    """Moderates texts under a policy; loads its scorer at the first use. Safe to call from several threads.

    A text is flagged from `policy.toxicity_quarantine` on: where an example would wait for a person.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._scorer: Any = None

    @property
    def backend(self) -> str:
        """What scores: 'embedded' or the local model. Raises CheckUnavailable."""
        return str(self._loaded().backend)

    def __call__(self, texts: Sequence[str]) -> list[Moderation]:
        """One result for each text. Raises CheckUnavailable when the scorer cannot be loaded."""
        scorer = self._loaded()
        return [self._moderated(text, scorer) for text in texts]

    def _loaded(self) -> Any:
        with self._lock:
            if self._scorer is None:
                folder = self._policy.toxicity_model_dir
                self._scorer = LocalModel(Path(folder)) if folder else Bundled()
            return self._scorer

    def _moderated(self, text: str, scorer: Any) -> Moderation:
        scores = dict.fromkeys(CATEGORIES, 0.0)
        readings = _readings(text)
        by_kind: Callable[[list[str]], list[dict[str, float]]] | None = getattr(scorer, "categories", None)
        judged = set(_PATTERNS_JUDGE)
        if readings and by_kind is not None:
            for found in by_kind(readings):
                judged |= _take(scores, found)
        elif readings:
            _take(scores, {"harassment": max(scorer(readings))})
        for label in filter(None, map(hostile, readings)):
            _take(scores, dict.fromkeys(_OF_PATTERN.get(label, ("harassment",)), 1.0))
        rounded = {name: round(score, 4) for name, score in scores.items()}
        return Moderation(rounded, frozenset(judged), self._policy.toxicity_quarantine)


@cache
def shared(policy: Policy) -> Moderator:
    """One moderator for each policy in this process."""
    return Moderator(policy)


def _take(scores: dict[str, float], found: Mapping[str, float]) -> set[str]:
    """Raise the scores to what was found; returns the categories that it speaks of."""
    names = {name: _OTHER_NAMES.get(name, name.replace("_", "-")) for name in found}
    for name, category in names.items():
        if category in scores:
            scores[category] = max(scores[category], min(1.0, max(0.0, float(found[name]))))
    return set(names.values()) & scores.keys()


def _readings(text: str) -> list[str]:
    """Each window as written and with disguises taken off, in lower case, each once."""
    windows = [text[start : start + WINDOW_CHARS] for start in range(0, len(text), WINDOW_CHARS)]
    return list(
        dict.fromkeys(
            reading
            for window in windows
            if window.strip()
            for reading in (canonical(window).text.casefold(), *folded_readings(window))
        )
    )
