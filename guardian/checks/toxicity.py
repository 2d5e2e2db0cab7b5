"""Abuse, threats and contempt. The embedded backend is a coarse screen; local weights make it a real one."""
# ruff: noqa: E501 (a pattern is read as one line)

from __future__ import annotations

import re
from pathlib import Path
from typing import Protocol

from guardian.hostility import hostile
from guardian.toxicity_score import Bundled, rebutted
from guardian.types import Candidate, Decision, Finding, Part, Policy, Scope, Source
from guardian.unicode import canonical, folded_readings

_REFUSAL = re.compile(
    r"(?i)\b(?:i (?:can't|cannot|won't|will not|don't|do not|am not able to|'m not able to)|i'm sorry|i am sorry|sorry, |i'd rather not|not appropriate|please (?:do not|don't)|that is (?:hateful|abusive|hurtful))"
)


__all__ = ["Bundled", "Scorer", "Toxicity"]


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
    patterns after folding, whatever the backend; one that is quoted to speak against it waits for a person.
    Backends: 'embedded' (`toxicity_score.Bundled`, a small head over sentence embeddings), or Detoxify-family
    weights from `policy.toxicity_model_dir`, loaded at the first judgement.
    Not covered by 'embedded', a coarse screen: much implied contempt, veiled threats, irony, any language but
    English; denials close to abuse ("X are not vermin") may wait. A local model sees more, and none sees all.
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
        """The worst reading. Who quotes a threat to speak against it is no offender, but a person looks."""
        score = max((scores[reading] for reading in readings), default=0.0)
        pattern = next((label for reading in readings if (label := hostile(reading))), "")
        if not pattern:
            return score, "toxic"
        if all(rebutted(reading) for reading in readings):
            return max(score, self._policy.toxicity_quarantine), f"quoted_{pattern}"
        return 1.0, pattern

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


def _readings(text: str) -> list[str]:
    """The distinct lower-case readings of a text: as written, and with disguises taken off."""
    if not text.strip():
        return []
    return list(dict.fromkeys((canonical(text).text.casefold(), *folded_readings(text))))


def _local(folder: str) -> Scorer:
    from guardian.checks.toxicity_model import LocalModel

    return LocalModel(Path(folder))
