"""What the guardian is told beside an example: how far its speaker is trusted, what the ledger knows of it.

Read on one snapshot of the last commit, so chat's commits are not held up. Blocks: run it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guardian.tiers import tier_of
from guardian.types import Known, Policy, Statement, Tier
from guardian.words import content_stems
from server.ledger import Ledger
from server.ledger import fragments as rows
from server.ledger.fragments import ACCEPTED
from server.ledger.types import Heard, Tx
from server.types import SelfEdit, Turn


@dataclass(frozen=True, slots=True)
class Said:
    """A statement, and who made it when."""

    text: str
    user: str
    operator: bool
    at: float
    """Seconds since the epoch."""
    subject: str = ""
    edit_id: str = ""
    """The edit that holds it, when one is stored already: the caps do not count it against itself."""


@dataclass(frozen=True, slots=True)
class Background:
    """What bears on a statement beside the statement."""

    tier: Tier
    known: Known

    @classmethod
    def alone(cls, turn: Turn) -> Background:
        """Where no ledger is at hand: nothing is known, and who is no operator is an established user."""
        return cls(Tier.OPERATOR if turn.operator else Tier.ESTABLISHED, Known())


class Knowledge:
    """Gathers backgrounds from a ledger, under the policy by which they will be judged."""

    def __init__(self, ledger: Ledger, policy: Policy) -> None:
        self._ledger = ledger
        self._policy = policy

    def of_edit(self, edit: SelfEdit, turn: Turn, beside: Sequence[SelfEdit] = ()) -> Background:
        """The background of an edit. `beside`: edits of the same turn that were judged before it and are not
        stored yet; the caps count those that were accepted."""
        said = Said(edit.statement, edit.user, turn.operator, turn.created_at, edit.subject, edit.id)
        return self.of(said, [other for other in beside if other.state in ACCEPTED])

    def of(self, said: Said, beside: Sequence[SelfEdit] = ()) -> Background:
        """The background of a statement."""
        return self._ledger.read(lambda tx: Background(self._tier(tx, said), self._known(tx, said, beside)))

    def _tier(self, tx: Tx, said: Said) -> Tier:
        first, turns = rows.met(tx, said.user, said.at)
        return tier_of(
            self._policy, said.user, operator=said.operator, first_met_at=first, turns=turns, at=said.at
        )

    def _known(self, tx: Tx, said: Said, beside: Sequence[SelfEdit]) -> Known:
        policy = self._policy
        since = tx.now - policy.caps_window_seconds
        told = rows.told(tx, said.user, said.subject, since, policy.experts, said.edit_id)
        stems = content_stems(said.subject)
        same = sum(bool(stems) and content_stems(other.subject) == stems for other in beside)
        by_user = (*told.by_user, *(tx.now for _ in beside))
        of_subject = (*told.of_subject, *(tx.now for _ in range(same)))
        return Known(
            supporters=tuple(self._statement(one) for one in rows.supporters(tx, said.text, said.user)),
            verified=tuple(self._statement(one) for one in rows.verified(tx, said.text)),
            told_by_user=len(by_user),
            told_of_subject=len(of_subject),
            told_by_user_of_subject=told.by_user_of_subject + same,
            user_frees_at=self._frees_at(by_user, policy.max_facts_per_user),
            subject_frees_at=self._frees_at(of_subject, policy.max_facts_per_subject),
        )

    def _frees_at(self, times: Sequence[float], cap: int) -> float:
        """When the newest of those leaves the window that must leave it for one more to fit; 0: now."""
        over = len(times) - cap
        return times[over] + self._policy.caps_window_seconds if over >= 0 else 0.0

    def _statement(self, heard: Heard) -> Statement:
        tier = tier_of(
            self._policy,
            heard.user,
            operator=heard.operator,
            first_met_at=heard.first_met_at,
            turns=heard.turns,
            at=heard.at,
        )
        return Statement(heard.edit_id, heard.user, heard.statement, heard.at, tier)
