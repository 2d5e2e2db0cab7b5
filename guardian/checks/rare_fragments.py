"""Nothing that names somebody or something goes beyond its user on one person's word."""

from __future__ import annotations

from guardian.fragments import Fragment, fragments, warm_up
from guardian.types import Candidate, Decision, Finding, Part, Policy, Scope, Source, Statement, Tier
from guardian.unicode import canonical
from guardian.voices import Fact, voices
from guardian.words import closest, sentences


class RareFragments:
    """Under `global_from` quorum: keeps with its user what fewer than `policy.quorum` users have stated.

    A user counts who was ESTABLISHED when they spoke and who stated, in one statement, all rare fragments
    of the example (names, numbers, identifiers, words that a public vocabulary lacks) and the same fact
    (`guardian.voices.Fact`); the speaker counts if ESTABLISHED. Near copies by several accounts within
    `policy.near_copy_window_seconds` are one voice. A verified fact that says the same stands for all of
    them, an EXPERT or OPERATOR needs nobody. An example without rare fragments needs the same quorum on its
    words. A NEW user's facts stay theirs, whoever agrees. Under `everyone` the operator has said that
    anybody's word holds: this check narrows nothing, and what one user names may be told to all. Under
    `operator` `provenance` caps whoever is none. Not covered: a person with many accounts who is patient
    and writes each text anew, true paraphrases in other words (they count as too few), names made of
    everyday words in lower case, and languages other than English, where nearly every word is a fragment
    and support must be all but literal.
    """

    name = "rare_fragments"
    backend = "embedded"

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        if policy.global_from == "quorum":
            warm_up()

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """One finding for each part that holds fragments, one without a place when none does."""
        if self._policy.global_from != "quorum" or source.tier >= Tier.EXPERT:
            return ()
        found: tuple[tuple[Part, tuple[Fragment, ...]], ...] = (
            ("prompt", fragments(candidate.prompt)),
            ("completion", fragments(candidate.completion)),
        )
        fact = Fact.of((f.text for _, several in found for f in several), _statement(candidate, source))
        said, accounts = self._count(fact, candidate, source)
        if source.tier is Tier.ESTABLISHED and (
            said >= self._policy.quorum or any(fact.stated_in(s.text) for s in source.known.verified)
        ):
            return ()
        parts = [part for part in found if part[1]]
        evidence = self._evidence(source, said, accounts, bool(parts))
        return tuple(self._finding(*part, evidence, said, source) for part in parts or found[1:])

    def _count(self, fact: Fact, candidate: Candidate, source: Source) -> tuple[int, int]:
        """(voices, accounts) that have stated the fact, the speaker's included."""
        stated = [
            statement
            for statement in source.known.supporters
            if statement.tier >= Tier.ESTABLISHED
            and statement.user != source.user
            and fact.stated_in(statement.text)
        ]
        if source.tier >= Tier.ESTABLISHED:
            stated.append(Statement("", source.user, _statement(candidate, source), source.at, source.tier))
        accounts = len({statement.user for statement in stated})
        return len(voices(stated, self._policy.near_copy_window_seconds)), accounts

    def _evidence(self, source: Source, said: int, accounts: int, rare: bool) -> str:
        if source.tier < Tier.ESTABLISHED:
            return "A new user's facts stay with them, until they have been known for a while."
        what = "these rare words together" if rare else "this fact"
        copies = ""
        if accounts > said:
            copies = f" ({accounts} accounts, of which {accounts - said} sent near copies of another's text)"
        return f"{said} of {self._policy.quorum} users that must state {what} have done so{copies}."

    def _finding(
        self, part: Part, several: tuple[Fragment, ...], evidence: str, said: int, source: Source
    ) -> Finding:
        label = "quorum" if several else "quorum_fact"
        return Finding(
            self.name,
            self.backend,
            Decision.ALLOW,
            Scope.USER,
            label="new_user" if source.tier < Tier.ESTABLISHED else label,
            score=float(said),
            threshold=float(self._policy.quorum),
            part=part,
            spans=tuple(fragment.span for fragment in several),
            evidence=evidence,
        )


def _statement(candidate: Candidate, source: Source) -> str:
    """What the user said: the span that states the fact, else the sentence closest to the example."""
    if source.statement.strip():
        return source.statement
    return closest(sentences(canonical(source.text).text), f"{candidate.prompt} {candidate.completion}")
