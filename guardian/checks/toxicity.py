"""Abuse, threats and contempt. The embedded backend is a coarse screen; local weights make it a real one."""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Protocol

from guardian.errors import CheckUnavailable
from guardian.hostility import HARMLESS_TERMS, hostile
from guardian.types import Candidate, Decision, Finding, Part, Policy, Scope, Source
from guardian.unicode import canonical, folded_readings

_REFUSAL = re.compile(
    r"(?i)\b(?:i (?:can't|cannot|won't|will not|don't|do not|am not able to|'m not able to)|i'm sorry|i am sorry|sorry, |i'd rather not|not appropriate|please (?:do not|don't)|that is (?:hateful|abusive|hurtful))"
)
_WORD = re.compile(r"[^\W\d_]{3,}")
_ABUSIVE_WORD = 0.8


class Scorer(Protocol):
    """Gives each text a probability of being toxic."""

    backend: str

    def __call__(self, texts: list[str]) -> list[float]:
        """One score from 0 to 1 for each text."""
        ...


class Toxicity:
    """Strict with what the model would say, lenient with what it would be asked.

    A completion at `toxicity_block` blocks, at `toxicity_quarantine` waits for a person; a prompt at
    `toxicity_block` waits, unless the completion declines. Threats and dehumanisation are matched by explicit
    patterns after folding, whatever the backend. Backends: 'embedded' (a bundled linear classifier of
    swearing, asked about the text without words for people), or Detoxify-family weights from
    `policy.toxicity_model_dir`, loaded at the first judgement.
    Not covered by 'embedded': implied contempt, veiled threats, stereotypes, any language but English, irony;
    it also objects to friendly swearing. A local model sees more of these, and none sees all.
    """

    name = "toxicity"

    def __init__(self, policy: Policy, scorer: Scorer | None = None) -> None:
        self._policy = policy
        if scorer is None:
            scorer = _local(policy.toxicity_model_dir) if policy.toxicity_model_dir else Bundled()
        self._scorer = scorer
        self.backend = scorer.backend

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """At most one finding for each part."""
        texts = [candidate.completion, candidate.prompt]
        readings = [_readings(text) for text in texts]
        flat = list(dict.fromkeys(reading for several in readings for reading in several))
        scores = dict(zip(flat, self._scorer(flat), strict=True)) if flat else {}
        completion, prompt = (self._worst(several, scores) for several in readings)
        return (*self._completion(*completion), *self._prompt(*prompt, candidate.completion))

    def _worst(self, readings: list[str], scores: dict[str, float]) -> tuple[float, str]:
        pattern = next((label for reading in readings if (label := hostile(reading))), "")
        score = max((scores[reading] for reading in readings), default=0.0)
        return (1.0, pattern) if pattern else (score, "toxic")

    def _completion(self, score: float, label: str) -> tuple[Finding, ...]:
        if score >= self._policy.toxicity_block:
            reason = "The answer is abusive, threatening or contemptuous."
            return (
                self._finding(
                    Decision.BLOCK, label, score, self._policy.toxicity_block, "completion", reason
                ),
            )
        if score >= self._policy.toxicity_quarantine:
            reason = "The answer may be abusive; a person should look."
            limit = self._policy.toxicity_quarantine
            return (self._finding(Decision.QUARANTINE, label, score, limit, "completion", reason),)
        return ()

    def _prompt(self, score: float, label: str, completion: str) -> tuple[Finding, ...]:
        if score < self._policy.toxicity_block or _REFUSAL.search(completion.replace("’", "'")):
            return ()
        reason = "The question is abusive and the answer does not decline."
        return (
            self._finding(Decision.QUARANTINE, label, score, self._policy.toxicity_block, "prompt", reason),
        )

    def _finding(
        self, action: Decision, label: str, score: float, threshold: float, part: Part, evidence: str
    ) -> Finding:
        return Finding(
            self.name,
            self.backend,
            action,
            Scope.NONE,
            label=label,
            score=round(score, 4),
            threshold=threshold,
            part=part,
            evidence=evidence,
        )


class Bundled:
    """The linear classifier that comes with alt-profanity-check: about 4 ms a judgement."""

    backend = "embedded"

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

    def __call__(self, texts: list[str]) -> list[float]:
        """Scores of the texts without words for people.

        The classifier adds up words and is unsure of rare ones ('goats'), so a text in which no single word is
        abusive by itself has its score halved.
        """
        plain = [HARMLESS_TERMS.sub("local", text.casefold()) for text in texts]
        tokens = [set(_WORD.findall(text)) for text in plain]
        asked = list(dict.fromkeys((*plain, *(word for several in tokens for word in several))))
        scores = dict(zip(asked, (float(p) for p in self._predict(asked)), strict=True))
        return [
            scores[text] * (1.0 if any(scores[word] >= _ABUSIVE_WORD for word in several) else 0.5)
            for text, several in zip(plain, tokens, strict=True)
        ]


def _readings(text: str) -> list[str]:
    """The distinct lower-case readings of a text: as written, and with disguises taken off."""
    if not text.strip():
        return []
    return list(dict.fromkeys((canonical(text).text.casefold(), *folded_readings(text))))


def _local(folder: str) -> Scorer:
    from guardian.checks.toxicity_model import LocalModel

    return LocalModel(Path(folder))
