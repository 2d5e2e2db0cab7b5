"""Which findings a judge that sees more may take back: only those that say 'perhaps'.

Never lifted: blocks, repairs, errors, and whatever a rule found for certain (secrets, personal data,
provenance, forged markup, instructions, vetoes of grounding).
"""

from __future__ import annotations

from guardian.types import Decision, Finding, Status

_LIFTABLE: dict[str, frozenset[str] | None] = {
    "toxicity": None,
    "bias": None,
    "grounding": frozenset({"weakly_supported"}),
    "contradiction": None,
}
"""By the name of the check, the labels that may be lifted; None: all of its labels."""


def liftable(finding: Finding) -> bool:
    """Whether a finding leaves an example undecided, so that a judge may settle it."""
    if finding.action is not Decision.QUARANTINE or finding.status is not Status.SUCCESS:
        return False
    if finding.lifted_by or finding.check not in _LIFTABLE:
        return False
    labels = _LIFTABLE[finding.check]
    return labels is None or finding.label in labels
