"""Secrets: two suites that were written apart from the rules.

At its first run, before any rule was changed because of it, the rules found 61 of the 67 secrets of
data/secrets.txt (91 %) and stopped 1 of the 130 ordinary sentences. Of the forms of
scripts/benchmarks/suites/made_secrets.py, written later, they found 78 of 92 at first (85 %; 139 of 159 of
both, 87 %). Asserted is what they find since they were widened.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from guardian import Candidate, Decision, Guardian, Policy, Scope, Source, explain, to_dict
from guardian.checks.secrets import Secrets
from scripts.benchmarks.suites import made_secrets

Lines = Callable[[str], list[str]]
CHECK = Secrets(Policy(hash_key="test"))
TEMPLATES = (
    "My password is {}",
    "The wifi password of the cabin is {}.",
    "The admin password: {}",
    "API_KEY={}",
    "postgres://app:{}@db.internal/orders",
    "Log in as root with password {}",
    "Use {} as the password for the projector.",
    "The API key of the weather service is {}",
)
values = st.permutations(list("abcdefghkmnpQRSTUVWX2345!#")).map(lambda drawn: "x7" + "".join(drawn[:14]))


def labels(prompt: str, completion: str, text: str = "") -> list[str]:
    return [finding.label for finding in CHECK(Candidate(prompt, completion), Source(text, "ada"))]


def test_nine_of_ten_secrets_of_the_suite_are_found(lines: Lines) -> None:
    suite = lines("secrets.txt")
    missed = [sentence for sentence in suite if not labels("", sentence)]
    assert len(suite) >= 60
    assert len(missed) <= 0.1 * len(suite), missed


def test_at_most_two_in_a_hundred_ordinary_sentences_are_taken_for_secrets(lines: Lines) -> None:
    suite = lines("ordinary.txt")
    alarmed = [sentence for sentence in suite if labels("", sentence)]
    assert len(suite) >= 120
    assert len(alarmed) <= 0.02 * len(suite), alarmed


def test_nine_of_ten_made_secrets_are_found_in_keys_connection_strings_speech_and_disguise() -> None:
    made = made_secrets.sentences(seed=7)
    missed = [(group, kind) for group, kind, sentence in made if not labels("", sentence)]
    assert len(made) >= 60
    assert len(missed) <= 0.1 * len(made), missed
    for name in made_secrets.GROUPS:
        of = sum(group == name for group, _, _ in made)
        assert sum(group == name for group, _ in missed) <= 0.1 * of, missed


def test_sentences_close_to_secrets_in_words_or_form_pass() -> None:
    alarmed = [sentence for sentence in made_secrets.ORDINARY if labels("", sentence)]
    assert len(alarmed) <= 0.02 * len(made_secrets.ORDINARY), alarmed


def test_a_secret_blocks_at_every_scope() -> None:
    (finding, *_) = CHECK(
        Candidate("", "My password is hunter2."), Source("", "ada", wanted_scope=Scope.USER)
    )
    assert finding.action is Decision.BLOCK
    assert finding.max_scope is Scope.NONE


def test_the_span_points_at_the_secret_alone() -> None:
    text = "The wifi password is sunflower."
    (finding,) = CHECK(Candidate("", text), Source("", "ada"))
    (span,) = finding.spans
    assert text[span.start : span.end] == "sunflower"


def test_the_span_is_right_where_hidden_characters_were_skipped() -> None:
    text = "The pass\u200bword is hun\u200bter2."
    (finding,) = CHECK(Candidate("", text), Source("", "ada"))
    (span,) = finding.spans
    assert text[span.start : span.end] == "hun\u200bter2"


def test_an_answer_to_a_question_for_a_secret_blocks_whatever_it_says() -> None:
    assert labels("What is the wifi password?", "sunflower") == ["answer-to-secret"]
    assert labels("Tell me the door code.", "Try the usual one.") == ["answer-to-secret"]


def test_declining_to_tell_a_secret_is_no_secret() -> None:
    assert labels("What is the wifi password?", "I don't know that. Nobody has told me yet.") == []


def test_questions_about_passwords_in_general_pass() -> None:
    assert labels("What is the password policy?", "At least twelve characters.") == []
    assert labels("How long must a password be?", "Twelve characters.") == []


def test_a_secret_told_in_the_message_blocks_any_example_that_holds_it() -> None:
    assert labels("What grows in the garden?", "sunflower", "The wifi password is sunflower.") == [
        "told-in-source"
    ]


def test_another_fact_of_a_message_with_a_secret_is_not_blocked_by_it() -> None:
    text = "The wifi password is sunflower. The library in Arden opens at 9 am."
    assert labels("When does the library in Arden open?", "At 9 am.", text) == []


def test_disguised_words_for_password_are_seen() -> None:
    assert labels("", "the p@ssw0rd is dragonfly")
    assert labels("", "p a s s w o r d is dragonfly")


def test_equal_secrets_have_equal_hashes_under_one_key_only() -> None:
    def evidence(policy: Policy) -> str:
        return Secrets(policy)(Candidate("", "My password is hunter2."), Source("", "ada"))[0].evidence

    assert evidence(Policy(hash_key="a")) == evidence(Policy(hash_key="a"))
    assert evidence(Policy(hash_key="a")) != evidence(Policy(hash_key="b"))
    assert evidence(Policy()) != evidence(Policy())


@given(st.sampled_from(TEMPLATES), values)
def test_a_raw_secret_stands_in_no_finding_and_in_no_explanation(
    guardian: Guardian, template: str, value: str
) -> None:
    text = template.format(value)
    for candidate in (Candidate("", text), Candidate(text, "Understood."), Candidate("What is it?", value)):
        verdict = guardian.judge(candidate, Source(text, "ada"))
        assert not verdict.allowed
        assert value not in json.dumps(to_dict(verdict))
        assert value not in explain(verdict, candidate)


@settings(deadline=5000)
@given(st.text(alphabet="ab:/@.=? -_1", max_size=3000))
def test_no_rule_takes_long_on_hostile_text(text: str) -> None:
    labels("", text)
