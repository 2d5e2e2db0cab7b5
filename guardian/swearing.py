"""Swear words: the linear classifier that comes with alt-profanity-check, asked without words for people."""

from __future__ import annotations

import re
import warnings

from guardian.errors import CheckUnavailable
from guardian.hostility import HARMLESS_TERMS

_WORD = re.compile(r"[^\W\d_]{3,}")
_ABUSIVE_WORD = 0.8


class Swearing:
    """About 4 ms a text. Raises CheckUnavailable where the classifier is not installed.

    Not covered: everything but swearing. It scores below chance on whether a text is hateful, so it is one
    feature of the toxicity head and no verdict.
    """

    def __init__(self) -> None:
        try:
            with warnings.catch_warnings():
                # joblib warns at import where the machine forbids semaphores; nothing here runs in parallel
                warnings.filterwarnings("ignore", module="joblib")
                from profanity_check import predict_prob
        except ImportError as error:
            raise CheckUnavailable(
                f"the bundled classifier is missing ({error}); install alt-profanity-check"
            ) from error
        self._predict = predict_prob

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
