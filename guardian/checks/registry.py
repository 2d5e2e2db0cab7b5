"""Which checks there are, cheap first: the order in which they judge."""

from __future__ import annotations

from collections.abc import Callable

from guardian.checks.canonical import CanonicalForm
from guardian.checks.grounding import Grounding
from guardian.checks.instruction import InstructionShape
from guardian.checks.personal_data import PersonalData
from guardian.checks.provenance import Provenance
from guardian.checks.secrets import Secrets
from guardian.checks.toxicity import Toxicity
from guardian.types import Check, Policy

Support = Callable[[str, str], int] | None

Builder = Callable[[Policy, Support], Check]
"""Makes a check for a policy. May raise: the judge keeps what it says as an alarm."""

BUILDERS: dict[str, Builder] = {
    "canonical": lambda policy, support: CanonicalForm(policy),
    "provenance": Provenance,
    "instruction": lambda policy, support: InstructionShape(),
    "secrets": lambda policy, support: Secrets(policy),
    "personal_data": lambda policy, support: PersonalData(),
    "grounding": lambda policy, support: Grounding(),
    "toxicity": lambda policy, support: Toxicity(policy),
}
