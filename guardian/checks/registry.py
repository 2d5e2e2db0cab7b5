"""Which checks there are, cheap first: the order in which they judge."""

from __future__ import annotations

from collections.abc import Callable

from guardian.checks.bias import Bias
from guardian.checks.canonical import CanonicalForm
from guardian.checks.caps import Caps
from guardian.checks.contradiction import Contradiction
from guardian.checks.grounding import Grounding
from guardian.checks.instruction import InstructionShape
from guardian.checks.personal_data import PersonalData
from guardian.checks.provenance import Provenance
from guardian.checks.rare_fragments import RareFragments
from guardian.checks.secrets import Secrets
from guardian.checks.sign_off import SignOff
from guardian.checks.sources import Sources
from guardian.checks.topics import Topics
from guardian.checks.toxicity import Toxicity
from guardian.types import Check, Policy

Builder = Callable[[Policy], Check | None]
"""Makes a check for a policy, None when the policy asks for none. May raise: the judge keeps what it says as
an alarm."""


def _judges(policy: Policy) -> Check | None:
    if not policy.judges:
        return None
    from guardian.checks.judge import RemoteJudges  # with its HTTP client: only where one is configured

    return RemoteJudges(policy.judges)


BUILDERS: dict[str, Builder] = {
    "canonical": CanonicalForm,
    "provenance": Provenance,
    "caps": Caps,
    "instruction": lambda policy: InstructionShape(),
    "topics": Topics,
    "sources": Sources,
    "sign_off": SignOff,
    "secrets": Secrets,
    "personal_data": lambda policy: PersonalData(),
    "rare_fragments": RareFragments,
    "grounding": Grounding,
    "toxicity": Toxicity,
    "bias": lambda policy: Bias(),
    "contradiction": Contradiction,
    "judge": _judges,
}
