"""Topics, sources and sign-offs of a data policy, judged."""

from __future__ import annotations

import pytest

from guardian import Candidate, Decision, Guardian, Policy, Scope, Source, Verdict
from guardian.checks.registry import BUILDERS
from guardian.checks.topics import inflections
from guardian.data_policy import Consent, DataPolicy, SignOff, Sources, Topic, TopicAction, Topics

CHECKS = {name: BUILDERS[name] for name in ("canonical", "topics", "sources", "sign_off")}
MERGER = "The merger with Halden closes in May."


def judged(text: str, data: DataPolicy, prompt: str = "", **source: object) -> Verdict:
    candidate = Candidate(prompt, text)
    told = Source(text, "ana", statement=text, **source)  # type: ignore[arg-type]  # tests name real fields
    return Guardian(Policy(data=data), CHECKS).judge(candidate, told)


def forbidden(*words: str, action: TopicAction = "block") -> DataPolicy:
    return DataPolicy(topics=Topics(forbidden=(Topic("secret plans", words, action),)))


@pytest.mark.parametrize(
    ("action", "decision", "scope"),
    [
        ("block", Decision.BLOCK, Scope.NONE),
        ("quarantine", Decision.QUARANTINE, Scope.NONE),
        ("review2", Decision.QUARANTINE, Scope.NONE),
        ("user_only", Decision.ALLOW, Scope.USER),
    ],
)
def test_a_forbidden_topic_does_what_its_action_says(
    action: TopicAction, decision: Decision, scope: Scope
) -> None:
    verdict = judged(MERGER, forbidden("merger", action=action))
    assert (verdict.decision, verdict.max_scope) == (decision, scope)
    (finding,) = verdict.findings
    assert finding.check == "topics"
    assert "'secret plans'" in finding.evidence
    assert MERGER[finding.spans[0].start : finding.spans[0].end] == "merger"
    assert (finding.label == "two_persons") is (action == "review2")


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("merger", "Both mergers close in May."),
        ("merger", "The merger's date is May 4."),
        ("mergers", "The merger closes in May."),
        ("sell", "Halden sold its mill in May."),
        ("plan", "They are planning a mill."),
        ("acquire", "Halden acquired the mill."),
        ("company", "The companies close in May."),
        ("take over", "Halden takes over the mill in May."),
        ("take over", "The take-over of the mill is in May."),
        ("café", "The cafe closes in May."),
        ("cafe", "The Café closes in May."),
        ("Übernahme", "Die ÜBERNAHME ist im Mai."),
        ("merger", "The m3rger closes in May."),
        ("merger", "The m e r g e r closes in May."),
        ("merger", "The mer\u200bger closes in May."),
        ("ak47", "The AK47 is in the mill."),
    ],
)
def test_words_are_found_inflected_and_in_disguise(word: str, text: str) -> None:
    assert any(f.check == "topics" for f in judged(text, forbidden(word)).findings)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("gun", "The gunwale of the boat is red."),
        ("corn", "The shop stands at the corner."),
        ("mess", "The message is short."),
        ("sin", "The single room is on floor two."),
        ("take over", "We take the tram over the bridge."),
        ("ass", "The assistant is called Mara."),
    ],
)
def test_other_words_that_look_alike_are_not(word: str, text: str) -> None:
    assert not any(f.check == "topics" for f in judged(text, forbidden(word)).findings)


def test_a_short_word_has_no_made_up_forms() -> None:
    assert inflections("is") == {"is", "iss"}
    assert {"plan", "plans", "planned", "planning"} <= inflections("plan")
    assert "bused" not in inflections("bus") or "buses" in inflections("bus")


def test_the_question_counts_as_well_as_the_answer() -> None:
    verdict = judged("It closes in May.", forbidden("merger"), prompt="When does the merger close?")
    assert [f.part for f in verdict.findings if f.check == "topics"] == ["prompt"]


def test_with_allowed_topics_everything_else_waits_or_what_the_policy_says() -> None:
    hours = Topic("hours", ("open", "close"))
    assert (
        judged("The mill opens at 9.", DataPolicy(topics=Topics(allowed=(hours,)))).decision is Decision.ALLOW
    )
    other = judged("The mill is red.", DataPolicy(topics=Topics(allowed=(hours,))))
    assert other.decision is Decision.QUARANTINE
    assert "none of the topics that may be learned" in other.findings[0].evidence
    kept = judged("The mill is red.", DataPolicy(topics=Topics(allowed=(hours,), otherwise="user_only")))
    assert (kept.decision, kept.max_scope) == (Decision.ALLOW, Scope.USER)


def test_sources_that_may_not_teach_are_blocked_without_naming_a_user() -> None:
    policy = DataPolicy(sources=Sources(forbidden_users=("an*",), forbidden_keys=("intern",)))
    verdict = judged("The mill is red.", policy)
    assert verdict.decision is Decision.BLOCK
    assert verdict.findings[0].check == "sources"
    assert "ana" not in verdict.findings[0].evidence
    only = DataPolicy(sources=Sources(allowed_keys=("desk",)))
    assert judged("The mill is red.", only, key="desk").decision is Decision.ALLOW
    assert judged("The mill is red.", only, key="door").decision is Decision.BLOCK
    assert judged("The mill is red.", only).decision is Decision.ALLOW, "a key nobody knows of is not judged"


def test_front_ends_are_told_apart() -> None:
    sources = Sources(allowed_front_ends=("openwebui",))
    assert sources.why_not(user="ana", front_end="openwebui") == ""
    assert "does not list the front-end ''" in sources.why_not(user="ana", front_end="")
    assert "forbids the front-end 'bot'" in Sources(forbidden_front_ends=("bot",)).why_not(
        user="ana", front_end="bot"
    )


def test_a_sign_off_sends_every_self_edit_of_its_kind_to_people() -> None:
    one = judged("The mill is red.", DataPolicy(sign_off=SignOff(one_person=("fact",))))
    assert (one.decision, one.findings[0].label) == (Decision.QUARANTINE, "one_person")
    two = judged("The mill is red.", DataPolicy(sign_off=SignOff(two_persons=("fact",))))
    assert (two.decision, two.findings[0].label) == (Decision.QUARANTINE, "two_persons")
    other = DataPolicy(sign_off=SignOff(one_person=("fact",)))
    assert judged("The mill is red.", other, kind="preference").decision is Decision.ALLOW


def test_consent_is_given_by_the_request_or_once_for_all_and_can_always_be_refused() -> None:
    free, asked = Consent(), Consent(True, ("ana", "team-*"))
    assert free.why_not("ben", None) == ""
    assert "asks not to be learned from" in free.why_not("ben", "no")
    assert "asks not to be learned from" in asked.why_not("ana", "No ")
    assert asked.why_not("ana", None) == asked.why_not("team-7", None) == asked.why_not("ben", "yes") == ""
    assert 'metadata.learn = "yes"' in asked.why_not("ben", None)
    assert asked.why_not("ben", "maybe") != ""
