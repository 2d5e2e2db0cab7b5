"""Judges what may be learned. Never acts, stores nothing, knows no HTTP but that of its remote judges,
imports no torch by itself.

guardian = Guardian(Policy())
verdict = guardian.judge(Candidate(prompt, completion), Source(text=message, user="ada"))
if verdict.allowed and verdict.max_scope is Scope.GLOBAL: ...
print(explain(verdict))
"""

from __future__ import annotations

from guardian.data_policy import DataPolicy
from guardian.errors import BadPolicy, CheckUnavailable, GuardianError
from guardian.explain import explain, from_dict, to_dict
from guardian.judge import VERSION, Guardian
from guardian.types import (
    Candidate,
    Check,
    Decision,
    Finding,
    Judges,
    Known,
    Policy,
    Repairs,
    Scope,
    Source,
    Span,
    Statement,
    Status,
    Tier,
    Verdict,
)
from guardian.words import fact_fingerprint

__all__ = [
    "VERSION",
    "BadPolicy",
    "Candidate",
    "Check",
    "CheckUnavailable",
    "DataPolicy",
    "Decision",
    "Finding",
    "Guardian",
    "GuardianError",
    "Judges",
    "Known",
    "Policy",
    "Repairs",
    "Scope",
    "Source",
    "Span",
    "Statement",
    "Status",
    "Tier",
    "Verdict",
    "explain",
    "fact_fingerprint",
    "from_dict",
    "to_dict",
]
