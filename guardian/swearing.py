"""Swear words: the linear classifier that comes with alt-profanity-check, asked without words for people."""

from __future__ import annotations

import re
import warnings

import numpy as np
from numpy.typing import NDArray

from guardian.errors import CheckUnavailable
from guardian.hostility import HARMLESS_TERMS

_WORD = re.compile(r"[^\W\d_]{3,}")
_ABUSIVE_WORD = 0.8


class Swearing:
    """About 1 ms a text. Raises CheckUnavailable where the classifier is not installed.

    Not covered: everything but swearing. It scores below chance on whether a text is hateful, so it is one
    feature of the toxicity head and no verdict.
    """

    def __init__(self) -> None:
        try:
            with warnings.catch_warnings():
                # joblib warns at import where the machine forbids semaphores; nothing here runs in parallel
                warnings.filterwarnings("ignore", module="joblib")
                from profanity_check import profanity_check as library
        except ImportError as error:
            raise CheckUnavailable(
                f"the bundled classifier is missing ({error}); install alt-profanity-check"
            ) from error
        parts = library.model.calibrated_classifiers_
        self._vectorizer = library.vectorizer
        self._weights = np.stack([part.estimator.coef_[0] for part in parts], axis=1)
        self._shift = np.array([part.estimator.intercept_[0] for part in parts])
        self._a = np.array([part.calibrators[0].a_ for part in parts])
        self._b = np.array([part.calibrators[0].b_ for part in parts])

    def _predict(self, texts: list[str]) -> NDArray[np.float64]:
        """The library's `predict_prob`, to the last bit, without its checks of input: 1 ms, not 10."""
        margins = self._vectorizer.transform(texts) @ self._weights + self._shift
        return np.asarray((1.0 / (1.0 + np.exp(self._a * margins + self._b))).mean(axis=1))

    def __call__(self, texts: list[str]) -> list[tuple[float, bool]]:
        """Of each text: its score, and whether a single word in it is abusive by itself.

        The classifier adds up words and is unsure of rare ones ('goats'), so a text without an abusive word
        has its score halved.
        """
        plain = [HARMLESS_TERMS.sub("local", text.casefold()) for text in texts]
        tokens = [set(_WORD.findall(text)) for text in plain]
        asked = list(dict.fromkeys((*plain, *(word for several in tokens for word in several))))
        if not asked:
            return []
        scores = dict(zip(asked, (float(p) for p in self._predict(asked)), strict=True))
        abusive = [any(scores[word] >= _ABUSIVE_WORD for word in several) for several in tokens]
        return [(scores[t] * (1.0 if bad else 0.5), bad) for t, bad in zip(plain, abusive, strict=True)]
