"""When a verdict may be another now, and judging once more: one place for all who judge a stored self-edit.

An edit is judged again when what it was judged by has changed: another policy or guardian, a later statement
of the same subject or fact, a verified fact that shares two words with it; while it waits for a person, also
once a day, for what changes with time alone (a cap's window, a user's age). Only states that a verdict gave
are taken up: what a person denied, what a rollback took back and what the gate refused stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from guardian import VERSION, Judges, fact_fingerprint
from guardian.words import content_stems
from server.editor.judge import Judged, judge
from server.editor.knowledge import Knowledge
from server.editor.preference import judge_preference
from server.ledger import Ledger
from server.ledger.types import ToldFact, Waiting
from server.types import EditState, SelfEdit, Turn

STALE_SECONDS = 86_400.0
SHARED_WORDS = 2


def judge_again(guardian: Judges, ledger: Ledger, edit: SelfEdit, turn: Turn) -> Judged:
    """The verdict on a stored self-edit as of now. Blocks. Raises GuardianDown."""
    background = Knowledge(ledger, guardian.policy).of_edit(edit, turn)
    judging = judge_preference if edit.kind == "preference" else judge
    return judging(guardian, edit, turn, background)


def due(ledger: Ledger, policy: str, now: float, alone: dict[str, str] | None = None) -> list[Waiting]:
    """The edits to judge again, those judged longest ago first. `policy` is a policy's version.

    `alone` remembers, from call to call, the edits (with their reason) whose state no verdict gave.
    """
    alone = {} if alone is None else alone
    waiting = ledger.judged_long_ago()
    news = News.of(ledger.told_since(ledger.looked_to())) if waiting else News()
    found: list[Waiting] = []
    for one in waiting:
        stale = one.state is EditState.QUARANTINED and one.judged_at < now - STALE_SECONDS
        changed = one.policy != policy or one.guardian.partition("+")[0] != VERSION
        if alone.get(one.id) == one.reason or not (stale or changed or news.bears_on(one)):
            continue
        if _by_guardian(ledger, one):
            found.append(one)
        else:
            alone[one.id] = one.reason
    return found


@dataclass(slots=True)
class News:
    """When something that bears on a subject, a fact or a word was last told."""

    subjects: dict[str, float] = field(default_factory=dict)
    facts: dict[str, float] = field(default_factory=dict)
    verified: dict[str, float] = field(default_factory=dict)
    """By word, of verified facts only."""

    @classmethod
    def of(cls, told: Iterable[ToldFact]) -> News:
        """Everything that was told, by what it is about."""
        news = cls()
        for one in told:
            subject, fact, stems = _keys(one.subject, one.statement)
            _note(news.subjects, [subject] if subject else [], one.at)
            _note(news.facts, [fact], one.at)
            _note(news.verified, stems if one.verified else [], one.at)
        return news

    def bears_on(self, one: Waiting) -> bool:
        """Whether any of it came after the edit was judged."""
        subject, fact, stems = _keys(one.subject, one.statement)
        told = max(self.subjects.get(subject, 0.0), self.facts.get(fact, 0.0))
        shared = sum(self.verified.get(stem, 0.0) > one.judged_at for stem in stems)
        return told > one.judged_at or shared >= SHARED_WORDS


def _note(where: dict[str, float], names: Iterable[str], at: float) -> None:
    for name in names:
        where[name] = max(at, where.get(name, 0.0))


@lru_cache(maxsize=20_000)
def _keys(subject: str, statement: str) -> tuple[str, str, frozenset[str]]:
    return subject.strip().casefold(), fact_fingerprint(statement), frozenset(content_stems(statement))


def _by_guardian(ledger: Ledger, one: Waiting) -> bool:
    """Whether the state's reason is a finding of the stored verdicts."""
    return any(one.reason.endswith(said) for said in _said(ledger.verdicts(one.id)))


def _said(verdicts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for verdict in verdicts:
        for finding in verdict.get("findings", ()):
            yield f"{finding['check']}: {finding['evidence']}"
        for dropped in verdict.get("dropped", ()):
            yield from _said([dropped["verdict"]])
