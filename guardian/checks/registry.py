"""Which checks there are, cheap first: the order in which they judge."""

from __future__ import annotations

from collections.abc import Callable

from guardian.checks.bias import Bias
from guardian.checks.canonical import CanonicalForm
from guardian.checks.grounding import Grounding
from guardian.checks.instruction import InstructionShape
from guardian.checks.personal_data import PersonalData
from guardian.checks.provenance import Provenance
from guardian.checks.secrets import Secrets
from guardian.checks.toxicity import Toxicity
from guardian.types import Check, Policy

Builder = Callable[[Policy], Check]
"""Makes a check for a policy. May raise: the judge keeps what it says as an alarm."""

BUILDERS: dict[str, Builder] = {
    "canonical": CanonicalForm,
    "provenance": Provenance,
    "instruction": lambda policy: InstructionShape(),
    "secrets": Secrets,
    "personal_data": lambda policy: PersonalData(),
    "grounding": lambda policy: Grounding(),
    "toxicity": Toxicity,
    "bias": lambda policy: Bias(),
}
