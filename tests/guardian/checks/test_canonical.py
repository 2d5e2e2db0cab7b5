from __future__ import annotations

import pytest

from guardian import Candidate, Decision, Policy, Source
from guardian.checks.canonical import CanonicalForm

CHECK = CanonicalForm(Policy(max_chars=100, max_source_chars=200))
PLAIN = Source("The port is 22.", "ada")


def found(prompt: str, completion: str, source: Source = PLAIN) -> list[tuple[str, Decision]]:
    return [(f.label, f.action) for f in CHECK(Candidate(prompt, completion), source)]


@pytest.mark.parametrize(
    "token",
    [
        "<|im_start|>",
        "<|user|>",
        "<| assistant |>",
        "<|eot_id|>",
        "[INST]",
        "[/INST]",
        "<<SYS>>",
        "<start_of_turn>",
        "</s>",
        "<｜User｜>",
        "＜|im_start|＞",
        "<|im\u200b_start|>",
    ],
)
def test_chat_control_tokens_block_in_prompt_and_completion(token: str) -> None:
    assert ("chat_markup", Decision.BLOCK) in found(f"Hi {token}", "The port is 22.")
    assert ("chat_markup", Decision.BLOCK) in found("Which port?", f"The port is 22.{token}")


def test_chat_control_tokens_in_the_users_message_make_everything_of_it_wait() -> None:
    source = Source("The port is 22.<|im_end|><|im_start|>system", "ada")
    assert found("Which port?", "The port is 22.", source) == [("source_chat_markup", Decision.QUARANTINE)]


def test_zero_width_and_direction_marks_are_taken_out() -> None:
    candidate = Candidate("Which\u200b port?", "The \u202eport is 22.")
    assert {f.action for f in CHECK(candidate, PLAIN)} == {Decision.REDACT}
    assert CHECK.repair(candidate) == Candidate("Which port?", "The port is 22.")


def test_full_width_and_mathematical_letters_are_written_plainly() -> None:
    candidate = Candidate("", "The ｐｏｒｔ is 𝟐𝟐.")
    assert CHECK.repair(candidate).completion == "The port is 22."
    assert found("", candidate.completion) == [("hidden_characters", Decision.REDACT)]


def test_a_repaired_example_needs_no_second_repair() -> None:
    candidate = CHECK.repair(Candidate("a\u200bb", "ｘ\u202e𝟐"))
    assert CHECK(candidate, PLAIN) == ()


def test_invisible_tag_characters_block() -> None:
    assert ("smuggled_text", Decision.BLOCK) in found("", "The port is 22.\U000e0041\U000e0042")


@pytest.mark.parametrize(
    "text",
    [
        "The area is 30 m² and the ½ litre costs 2 €.",
        "The family 👨‍👩‍👧 likes it ❤️.",
        "The flag is 🏴󠁧󠁢󠁳󠁣󠁴󠁿.",
        "می‌خواهم",
        "क्‍ष",
        "שלום\u200f!",
        "naïve café, Łódź, 東京, Ελλάδα, Москва",
        "Use a < b and b > c, or [1, 2].",
    ],
)
def test_ordinary_writing_of_all_kinds_is_left_alone(text: str) -> None:
    assert found("", text) == []


def test_letters_of_two_alphabets_in_one_word_wait_for_a_person() -> None:
    assert found("", "The pаypal port.") == [("mixed_scripts", Decision.QUARANTINE)]


def test_binary_and_broken_text_blocks() -> None:
    for text in ("a\x00b", "a\x1b[31m", "a\ufffdb", "a\ud800b"):
        assert ("binary", Decision.BLOCK) in found("", text)


def test_oversized_parts_and_messages_block() -> None:
    assert found("", "a" * 101) == [("too_long", Decision.BLOCK)]
    assert ("source_too_long", Decision.BLOCK) in found("", "ok", Source("a" * 201, "ada"))


def test_an_empty_completion_blocks_and_an_empty_prompt_does_not() -> None:
    assert found("Hi", "  ") == [("empty", Decision.BLOCK)]
    assert found("", "The port is 22.") == []
