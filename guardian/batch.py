"""Rules over a whole batch, before it is trained: numbers and words in, decisions out. Measures nothing.

Three ways in which a batch is told from an honest one though each of its examples passed: an example that the
model finds far stranger than those before it, one user (or one voice with several accounts) who would pull
most of the step, and a rare word that always brings the same answer.
Not covered: poison that is as probable as the truth, many users in concert with words of their own, and
triggers made of ordinary words (the gate tries the words of new facts once they are trained).
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wordfreq import zipf_frequency

from guardian.words import fact_fingerprint, words

POPULATION_AT_LEAST = 30
"""Values that must be known before one can be called strange: the median of fewer says little."""
STRANGE_FROM = 4.0
"""Robust z-score. Of 80 honest facts told to seedling the farthest lay at 2.0 by its loss and 3.1 by its
pull, as logarithms; an outlier that is held back costs a person's look."""
_MAD_TO_SIGMA = 1.4826
DOMINATES_FROM = 0.5
UNFAIR_FROM = 1.5
"""Times the fair share: of two users one has half of the step by right, and a little more by chance."""
EDITS_OF_A_TRIGGER = 3
SAME_ANSWER_FROM = 0.9
OTHER_QUESTION_BELOW = 0.5
"""Shares of common words (Jaccard)."""
RARE_BELOW = 3.5
"""Zipf frequency: fewer than one in 300,000 words of English, as in the vetoes."""


@dataclass(frozen=True, slots=True)
class Taught:
    """One self-edit of the batch, as far as these rules look at it."""

    id: str
    user: str
    statement: str
    prompts: tuple[str, ...]
    completions: tuple[str, ...]


def outliers(
    values: Mapping[str, float], population: Sequence[float], least_spread: float
) -> dict[str, float]:
    """The values that lie too far above the population, with their robust z-scores (median and MAD).

    Nothing is an outlier of fewer than POPULATION_AT_LEAST values. `least_spread`: the standard deviation
    that a population has at least; one of near equals would find everything strange. Iglewicz and Hoaglin,
    How to Detect and Handle Outliers, 1993.
    """
    if len(population) < POPULATION_AT_LEAST:
        return {}
    middle = statistics.median(population)
    spread = _MAD_TO_SIGMA * statistics.median([abs(value - middle) for value in population])
    spread = max(spread, least_spread)
    scores = {name: (value - middle) / spread for name, value in values.items()}
    return {name: round(score, 1) for name, score in scores.items() if score > STRANGE_FROM}


def voices(batch: Sequence[Taught]) -> dict[str, str]:
    """By user, the voice they speak with: users who state the same fact in the same words count as one."""
    voice = {edit.user: edit.user for edit in batch}
    first: dict[str, str] = {}
    for edit in batch:
        same = first.setdefault(fact_fingerprint(edit.statement), edit.user)
        joined, into = voice[edit.user], voice[same]
        voice = {user: into if known == joined else known for user, known in voice.items()}
    return voice


def surplus(counts: Mapping[str, int], pulls: Mapping[str, float]) -> dict[str, int]:
    """How many edits of each voice should wait, that none makes up most of the step.

    `counts`: edits of each voice. `pulls`: length of each voice's mean gradient. A single voice has nobody to
    dominate, and every voice keeps an edit.
    """
    left = dict(counts)
    limit = max(DOMINATES_FROM, UNFAIR_FROM / max(1, len(left)))
    while len(left) > 1:
        now = shares(left, pulls)
        most = max(left, key=lambda voice: (left[voice] > 1, now[voice]))
        if left[most] == 1 or now[most] <= limit:
            break
        left[most] -= 1
    return {voice: counts[voice] - kept for voice, kept in left.items() if kept < counts[voice]}


def shares(counts: Mapping[str, int], pulls: Mapping[str, float]) -> dict[str, float]:
    """Each voice's part of the summed lengths of all gradients, 0 to 1."""
    lengths = {voice: count * pulls[voice] for voice, count in counts.items()}
    total = sum(lengths.values()) or 1.0
    return {voice: length / total for voice, length in lengths.items()}


def rare_triggers(batch: Sequence[Taught], elsewhere: Sequence[tuple[str, str]]) -> dict[str, str]:
    """By edit id, the rare word that brings one answer to several questions of one user and that nobody else
    has used. `elsewhere`: (user, text) of what others have taught. Nothing where only one user is known.
    """
    used: dict[str, set[str]] = {}
    for user, text in (*elsewhere, *((edit.user, p) for edit in batch for p in edit.prompts)):
        for word in _bag([text]):
            used.setdefault(word, set()).add(user)
    if len(set().union(*used.values())) < 2:
        return {}
    holders: dict[tuple[str, str], list[Taught]] = {}
    for edit in batch:
        for word in _bag(edit.prompts):
            if used[word] == {edit.user} and zipf_frequency(word, "en") < RARE_BELOW:
                holders.setdefault((edit.user, word), []).append(edit)
    found: dict[str, str] = {}
    for (_, word), edits in holders.items():
        for edit in edits:
            alike = [other for other in edits if _one_answer_to_two_questions(edit, other, word)]
            if len(alike) + 1 >= EDITS_OF_A_TRIGGER:
                found[edit.id] = word
    return found


def _one_answer_to_two_questions(a: Taught, b: Taught, word: str) -> bool:
    if (
        a.id == b.id
        or _overlap(_bag(a.completions) - {word}, _bag(b.completions) - {word}) < SAME_ANSWER_FROM
    ):
        return False
    return _overlap(_bag(a.prompts) - {word}, _bag(b.prompts) - {word}) < OTHER_QUESTION_BELOW


def _bag(texts: Sequence[str]) -> set[str]:
    return {word.text.lower() for text in texts for word in words(text) if word.content}


def _overlap(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a or b else 1.0
