"""The bundled toxicity score: head, patterns and their agreement, and the same by category."""
# ruff: noqa: E501 (a pattern or a list is read as one line)

from __future__ import annotations

import re

from guardian.harm import LABELS, shared_head
from guardian.hostility import hostile
from guardian.unicode import folded_readings

CATEGORIES: tuple[str, ...] = LABELS[1:-1]
"""The categories, by OpenAI's names, that the head was fitted for. It has no 'illicit' and none of their
sub-categories ('self-harm/intent' and the like); 'sexual/minors' is derived, see `categories`."""
PATTERN_SCORE = 0.95
_REBUTTED = re.compile(
    r"\b(?:racist|sexist|bigot\w*|hateful|hate speech|wrong|unacceptable|disgrace\w*|ignoran\w+|prejudice\w*|propaganda|shame|shameful|lie|false|untrue"
    r"|condemn\w*|report(?:ed)?|banned|removed|moderators?|sprayed|(?:people|anyone|whoever|those|someone|anybody|everyone) (?:who|that)?\s*"
    r"(?:say|says|said|claim\w*|call\w*|writ\w+|wrote|think|thinks|believes?|hates?|shout\w*)|stop (?:saying|calling)|(?:don't|do not|never|not) (?:call|say))\b"
)
_MINOR = re.compile(
    r"\b(?:child(?:ren)?|kids?|minors?|underage|preteens?|toddlers?|schoolgirls?|schoolboys?|loli\w*|shota\w*|(?:[4-9]|1[0-7])[- ]?(?:years?[- ]old|yo|y/o)"
    r"|(?:six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen)[- ]year[- ]old|little (?:girl|boy)s?)\b"
)


class Bundled:
    """Scores texts with what is installed and nothing fetched. Loads the sentence model at the first call.

    The score is the head's, and at least PATTERN_SCORE where an explicit pattern of threat or dehumanisation
    matches a text that does not speak against it. Raises CheckUnavailable where a model is missing.
    Not covered: irony, hints that only the context explains, any language but English.
    """

    backend = "embedded"

    def __init__(self) -> None:
        self._head = shared_head()

    def __call__(self, texts: list[str]) -> list[float]:
        """One score from 0 to 1 for each text; long texts are read in windows and the worst counts."""
        return [
            max(float(row[0]), _by_pattern(text)) for text, row in zip(texts, self._head(texts), strict=True)
        ]

    def categories(self, texts: list[str]) -> list[dict[str, float]]:
        """For each text a score for each of CATEGORIES, and 'sexual/minors': the sexual score of a text that
        names a child, else 0."""
        return [
            self._by_name(text, list(map(float, row)))
            for text, row in zip(texts, self._head(texts), strict=True)
        ]

    def _by_name(self, text: str, row: list[float]) -> dict[str, float]:
        named = {name: round(row[LABELS.index(name)], 4) for name in CATEGORIES}
        named["sexual/minors"] = named["sexual"] if _MINOR.search(text.casefold()) else 0.0
        return named


def _by_pattern(text: str) -> float:
    readings = dict.fromkeys((text.casefold(), *folded_readings(text)))
    return PATTERN_SCORE if any(hostile(r) for r in readings) and not all(map(rebutted, readings)) else 0.0


def rebutted(reading: str) -> bool:
    """Whether a lower-case text speaks against something that is said in it."""
    return bool(_REBUTTED.search(reading.replace("’", "'")))
