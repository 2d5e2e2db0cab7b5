"""Whether the data policy wants a person's agreement though nothing else objects."""

from __future__ import annotations

from guardian.data_policy import TWO_PERSONS
from guardian.types import Candidate, Decision, Finding, Policy, Scope, Source


class SignOff:
    """Sends every self-edit of a kind that the data policy names to one person, or to two.

    Not covered: who the persons are (the reviews tell keys apart), and checks named in `two_persons`: these
    say how many must agree when such a check has objected, which the reviews count.
    """

    name = "sign_off"
    backend = "embedded"

    def __init__(self, policy: Policy) -> None:
        self._wanted = policy.data.sign_off

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """One finding when this kind needs a sign-off."""
        if source.kind in self._wanted.two_persons:
            label, persons = TWO_PERSONS, "two persons"
        elif source.kind in self._wanted.one_person:
            label, persons = "one_person", "a person"
        else:
            return ()
        return (
            Finding(
                self.name,
                self.backend,
                Decision.QUARANTINE,
                Scope.NONE,
                label=label,
                score=1.0,
                threshold=1.0,
                evidence=f"The data policy wants {persons} to agree to every {source.kind}.",
            ),
        )
