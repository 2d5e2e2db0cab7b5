"""How much one user, or everybody about one subject, may teach in a while."""

from __future__ import annotations

from datetime import UTC, datetime

from guardian.types import Candidate, Decision, Finding, Policy, Scope, Source, Tier


class Caps:
    """Counts what was accepted before; what is over a cap waits for a person.

    Counts, not shares: about 250 documents poison a model of any size, however much else it reads. Three
    caps: a user's facts within the window, a subject's facts by all users below EXPERT within the window,
    and, for drips too slow for any window, one user's facts of one subject, ever. EXPERT and OPERATOR are
    exempt. The caller counts (`Source.known`), the example itself not included. Not covered: one person
    with many accounts (a subject's cap bounds them together), facts whose subject was not found or goes by
    two names, and what two writers accept at the same moment.
    """

    name = "caps"
    backend = "embedded"

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def __call__(self, candidate: Candidate, source: Source) -> tuple[Finding, ...]:
        """One finding for each cap that is reached."""
        if source.tier >= Tier.EXPERT:
            return ()
        known, policy = source.known, self._policy
        window = _lasting(policy.caps_window_seconds)
        counts = (
            ("user", known.told_by_user, f"facts of this user in {window}", known.user_frees_at),
            (
                "subject",
                known.told_of_subject,
                f"facts of this subject in {window}",
                known.subject_frees_at,
            ),
            ("user_subject", known.told_by_user_of_subject, "facts of this subject by this user, ever", 0.0),
        )
        caps = (policy.max_facts_per_user, policy.max_facts_per_subject, policy.max_facts_per_user_subject)
        return tuple(
            self._finding(label, count, cap, f"Already {count} {what}{_frees(frees_at)}")
            for (label, count, what, frees_at), cap in zip(counts, caps, strict=True)
            if count >= cap
        )

    def _finding(self, label: str, count: int, cap: int, reason: str) -> Finding:
        return Finding(
            self.name,
            self.backend,
            Decision.QUARANTINE,
            Scope.NONE,
            label=label,
            score=float(count),
            threshold=float(cap),
            evidence=f"{reason}; the cap is {cap} (max_facts_per_{label}). A person may let it pass.",
        )


def _frees(at: float) -> str:
    return f", the next may be taught from {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" if at else ""


def _lasting(seconds: float) -> str:
    """'24 hours', '10 minutes', '30 seconds'."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"
