from __future__ import annotations

import pytest

from guardian import BadPolicy, Candidate, Decision, Guardian, Known, Policy, Source, Tier
from guardian.checks.caps import Caps

FACT = Candidate("Which port?", "The port is 22.")
POLICY = Policy(max_facts_per_user=3, max_facts_per_subject=2, max_facts_per_user_subject=4)


def labels(known: Known, tier: Tier = Tier.ESTABLISHED) -> list[str]:
    source = Source("The port is 22.", "ada", tier, known=known)
    return [finding.label for finding in Caps(POLICY)(FACT, source)]


def test_below_every_cap_there_is_nothing_to_object() -> None:
    assert labels(Known(told_by_user=2, told_of_subject=1, told_by_user_of_subject=3)) == []


def test_each_cap_that_is_reached_is_named() -> None:
    assert labels(Known(told_by_user=3)) == ["user"]
    assert labels(Known(told_of_subject=2)) == ["subject"]
    assert labels(Known(told_by_user_of_subject=4)) == ["user_subject"], "a drip too slow for any window"
    everything = Known(told_by_user=9, told_of_subject=9, told_by_user_of_subject=9)
    assert labels(everything) == ["user", "subject", "user_subject"]


@pytest.mark.parametrize("tier", [Tier.EXPERT, Tier.OPERATOR])
def test_an_expert_and_an_operator_have_no_caps(tier: Tier) -> None:
    assert labels(Known(told_by_user=999, told_of_subject=999, told_by_user_of_subject=999), tier) == []


def test_the_finding_says_which_cap_and_when_it_frees() -> None:
    known = Known(told_by_user=3, user_frees_at=1_700_000_000.0)
    (finding,) = Caps(POLICY)(FACT, Source("The port is 22.", "ada", known=known))
    assert (finding.action, finding.score, finding.threshold) == (Decision.QUARANTINE, 3.0, 3.0)
    assert finding.evidence == (
        "Already 3 facts of this user in 24 hours, the next may be taught from 2023-11-14 22:13 UTC; "
        "the cap is 3 (max_facts_per_user). A person may let it pass."
    )


def test_what_is_over_a_cap_waits_whatever_else_is_found() -> None:
    verdict = Guardian(POLICY).judge(FACT, Source("The port is 22.", "ada", known=Known(told_by_user=3)))
    assert verdict.decision is Decision.QUARANTINE
    assert not verdict.allowed


@pytest.mark.parametrize(
    "policy",
    [
        Policy(max_facts_per_user=0),
        Policy(max_facts_per_user_subject=-1),
        Policy(caps_window_seconds=-1),
        Policy(established_after_turns=-1),
    ],
)
def test_a_cap_of_nothing_is_refused_and_says_what_to_do(policy: Policy) -> None:
    with pytest.raises(BadPolicy, match=r"at least 1|must not be negative"):
        Guardian(policy)
