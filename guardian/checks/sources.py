"""Whether the data policy lets this user, and this key, teach at all."""

from __future__ import annotations

from guardian.types import Candidate, Decision, Finding, Policy, Scope, Source


class Sources:
    """Blocks what comes from a key or a user that the data policy does not let teach.

    The server refuses such turns when they are recorded; this holds for those recorded under another policy.
    Not covered: the front-end, which only the request names, and who somebody really is.
    """

    name = "sources"
    backend = "embedded"

    def __init__(self, policy: Policy) -> None:
        self._sources = policy.data.sources

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """One finding when the source may not teach."""
        reason = self._sources.why_not(user=source.user, key=source.key)
        if not reason:
            return ()
        return (
            Finding(
                self.name,
                self.backend,
                Decision.BLOCK,
                Scope.NONE,
                label="not_a_teacher",
                score=1.0,
                threshold=1.0,
                evidence=f"{reason[0].upper()}{reason[1:]}.",
            ),
        )
