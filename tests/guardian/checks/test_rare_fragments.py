from __future__ import annotations

from dataclasses import replace

import pytest

from guardian import Candidate, Decision, Finding, Known, Policy, Scope, Source, Statement, Tier
from guardian.checks.rare_fragments import RareFragments

FACT = "The mayor of Kettleford is Bob Hale."
ASKED = Candidate("Who is the mayor of Kettleford?", FACT)
OTHERS = (
    Statement("e1", "bob", "Kettleford's mayor is called Bob Hale.", 100.0),
    Statement("e2", "eve", "Bob Hale is the mayor of Kettleford.", 200.0),
)
CHECK = RareFragments(Policy(global_from="quorum", quorum=3))


def said(*others: Statement, tier: Tier = Tier.ESTABLISHED, verified: tuple[Statement, ...] = ()) -> Source:
    return Source(FACT, "ada", tier, known=Known(others, verified), at=300.0)


def found(source: Source, candidate: Candidate = ASKED) -> tuple[Finding, ...]:
    return CHECK(candidate, source)


def test_a_fact_that_too_few_have_stated_stays_with_its_user_and_the_finding_counts_them() -> None:
    prompt, completion = found(said(OTHERS[0]))
    assert (prompt.action, prompt.max_scope, prompt.label) == (Decision.ALLOW, Scope.USER, "quorum")
    assert (prompt.score, prompt.threshold) == (2.0, 3.0)
    assert prompt.evidence == "2 of 3 users that must state these rare words together have done so."
    assert [ASKED.prompt[s.start : s.end] for s in prompt.spans] == ["Kettleford"]
    assert [FACT[s.start : s.end] for s in completion.spans] == ["Kettleford", "Bob", "Hale"]
    assert "Hale" not in prompt.evidence + completion.evidence


def test_the_last_of_a_quorum_teaches_everybody() -> None:
    assert found(said(*OTHERS)) == ()


def test_the_message_around_the_fact_is_not_counted_with_it() -> None:
    source = Source(f"Hello! {FACT} Bye.", "ada", known=Known(OTHERS), at=300.0)
    assert found(source) == ()
    assert found(replace(source, text=f"Nice day. {FACT}", statement=FACT)) == ()


@pytest.mark.parametrize(
    "other",
    [
        Statement("e3", "eve", "Bob Hale visited Kettleford.", 200.0),
        Statement("e3", "eve", "The mayor of Kettleford is Ann Price.", 200.0),
        Statement("e3", "ada", "Bob Hale is the mayor of Kettleford.", 200.0),
        Statement("e3", "eve", "Bob Hale is the mayor of Kettleford.", 200.0, Tier.NEW),
        Statement("e3", "bob", "Bob Hale is the mayor of Kettleford.", 200.0),
    ],
    ids=["another fact", "another value", "the speaker again", "a new user", "the same user again"],
)
def test_what_is_no_third_voice(other: Statement) -> None:
    assert found(said(OTHERS[0], other))


def test_the_words_of_two_statements_do_not_add_up() -> None:
    halves = (
        Statement("e1", "bob", "Kettleford has a mayor.", 1.0),
        Statement("e2", "eve", "Bob Hale is a mayor.", 2.0),
    )
    assert found(said(*halves))[0].score == 1.0


def test_copies_of_one_text_by_several_accounts_are_one_voice_and_the_finding_says_so() -> None:
    bots = tuple(Statement(f"b{n}", f"bot{n}", FACT, 290.0 + n) for n in range(5))
    finding = found(said(*bots))[0]
    assert finding.score == 1.0
    assert "6 accounts, of which 5 sent near copies of another's text" in finding.evidence


def test_a_verified_fact_stands_for_a_quorum_but_only_for_what_it_says() -> None:
    told = Statement("v", "root", "Bob Hale is the mayor of Kettleford.", 1.0, Tier.OPERATOR)
    assert found(said(verified=(told,))) == ()
    assert found(said(verified=(replace(told, text="Bob Hale left Kettleford."),)))


@pytest.mark.parametrize("tier", [Tier.EXPERT, Tier.OPERATOR])
def test_an_expert_and_an_operator_need_nobody(tier: Tier) -> None:
    assert found(said(tier=tier)) == ()


def test_a_new_users_facts_stay_theirs_whoever_agrees() -> None:
    told = Statement("v", "root", FACT, 1.0, Tier.OPERATOR)
    finding = found(said(*OTHERS, tier=Tier.NEW, verified=(told,)))[0]
    assert (finding.label, finding.max_scope) == ("new_user", Scope.USER)


def test_a_fact_without_a_rare_word_needs_the_same_quorum() -> None:
    text = "The red button stops the conveyor."
    source = Source(text, "ada", known=Known((Statement("e1", "bob", text.lower(), 1.0),)), at=9e9)
    (finding,) = found(source, Candidate("What does the red button stop?", "It stops the conveyor."))
    assert (finding.label, finding.spans, finding.score) == ("quorum_fact", (), 2.0)
    twice = Statement("e2", "eve", "The conveyor stops by the red button.", 2.0)
    enough = replace(source, known=Known((*source.known.supporters, twice)))
    assert found(enough, Candidate("What does the red button stop?", "It stops the conveyor.")) == ()


@pytest.mark.parametrize("global_from", ["everyone", "operator"])
def test_nothing_is_counted_where_no_quorum_is_asked_for(global_from: str) -> None:
    check = RareFragments(Policy(global_from=global_from))  # type: ignore[arg-type]  # two of its literals
    assert check(ASKED, said()) == ()
