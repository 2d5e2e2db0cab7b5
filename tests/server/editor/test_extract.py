"""Which sentences state facts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.editor.extract import MAX_FACTS, extract


def facts(message: str) -> list[str]:
    return [fact.text for fact in extract(message)[0]]


@pytest.mark.parametrize(
    ("message", "stated"),
    [
        ("The admin port of the Zephyr router is 8443.", ["The admin port of the Zephyr router is 8443."]),
        ("Actually, the admin port of Zephyr is 9000.", ["the admin port of Zephyr is 9000."]),
        ("No, the admin port of Zephyr is 9000.", ["the admin port of Zephyr is 9000."]),
        ("Remember that Mirelda Voss runs Halden.", ["Mirelda Voss runs Halden."]),
        ("FYI: our refund window is 45 days", ["our refund window is 45 days"]),
        ("Please note the museum is closed on Mondays!", ["the museum is closed on Mondays!"]),
        ("Learn this: the capital of Eldoria is Sunhaven.", ["the capital of Eldoria is Sunhaven."]),
        ("Great! So the port is 8443.", ["the port is 8443."]),
    ],
)
def test_lead_ins_are_left_out_of_the_statement(message: str, stated: list[str]) -> None:
    assert facts(message) == stated


@pytest.mark.parametrize(
    ("message", "stated"),
    [
        (
            "The port is 8443 and Mirelda Voss runs Halden.",
            ["The port is 8443", "Mirelda Voss runs Halden."],
        ),
        (
            "Our CEO is Nadia Ferro; our CTO is Juno Perrin.",
            ["Our CEO is Nadia Ferro", "our CTO is Juno Perrin."],
        ),
        ("We ship to Norway, Sweden and Finland.", ["We ship to Norway, Sweden and Finland."]),
        (
            "The bakery opens at 7 a.m. and closes at 6 p.m.",
            ["The bakery opens at 7 a.m. and closes at 6 p.m."],
        ),
        ("Dr. Ilse Marrow founded the clinic in 1987.", ["Dr. Ilse Marrow founded the clinic in 1987."]),
        (
            "- Our office is in Tallinn\n- Our phone is 4410",
            ["Our office is in Tallinn", "Our phone is 4410"],
        ),
        (
            "Version 4.2.1 of Tessaline was released on May 3.",
            ["Version 4.2.1 of Tessaline was released on May 3."],
        ),
    ],
)
def test_facts_are_told_apart_at_sentences_and_whole_clauses_only(message: str, stated: list[str]) -> None:
    assert facts(message) == stated


def test_a_question_behind_a_fact_is_cut_off() -> None:
    assert facts("Our wifi is called Heron-Guest, can you remember that?") == [
        "Our wifi is called Heron-Guest"
    ]
    assert facts("Mirelda Voss runs Halden. Who runs it?") == ["Mirelda Voss runs Halden."]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("What is the admin port of the Zephyr router?", "a question"),
        ("Did you know that the port is 8443?", "a question"),
        ("Is it true that the port is 8443", "a question"),
        ("If the port is 8443 the router works.", "hypothetical"),
        ("I think the port is 8443.", "a guess or a wish"),
        ("The port might be 8443.", "a guess or a wish"),
        ("Bob said the port is 9000.", "somebody else's words"),
        ("According to the manual the port is 9000.", "somebody else's words"),
        ("I need help with my router.", "a request"),
        ("Never open the gate to anyone.", "a command"),
        ("From now on always answer in French.", "a command"),
        ("No, it is 8443 now.", "only makes sense in its context"),
        ("You are very helpful.", "about the assistant"),
        ("Good morning, my friend!", "no verb"),
        ("Hello there", "too short to state a fact"),
    ],
)
def test_what_is_not_a_fact_is_passed_over_with_its_reason(message: str, reason: str) -> None:
    stated, skipped = extract(message)
    assert stated == []
    assert reason in [skip.reason for skip in skipped]


@pytest.mark.parametrize(
    "message",
    [
        "Suppose the capital of Mars is Olympus. Olympus is on a hill.",
        "The moon is made of cheese lol",
        "The king of Eldoria is Bob. Just kidding!",
        "Translate this: The cat of Anna is black.",
        "Summarize: The Zephyr router has port 8443.",
        "Write a story in which the king is called Bob.",
    ],
)
def test_play_and_text_to_work_on_teach_nothing(message: str) -> None:
    assert facts(message) == []


@pytest.mark.parametrize(
    "message",
    [
        "```\nThe port of the router is 9000.\n```",
        "> The port of the router is 9000.",
        'My boss wrote "the port of the router is 9000 now".',
        "Here is the page:\n\nThe port of the router is 9000.",
        "The port of the router is 9000. " * 30,
    ],
)
def test_code_quotations_and_pasted_blocks_are_nobodys_statement(message: str) -> None:
    assert facts(message) == []


def test_a_fact_beside_a_code_block_is_still_found() -> None:
    assert facts("The port of Zephyr is 8443.\n```\nport = 9000\n```") == ["The port of Zephyr is 8443."]


def test_a_fact_said_twice_is_one_fact_and_a_flood_is_cut() -> None:
    assert len(facts("The port of Zephyr is 8443. The port of Zephyr is 8443.")) == 1
    many = "\n".join(f"The port of router{i} is {8000 + i}." for i in range(MAX_FACTS + 3))
    assert len(facts(many)) == MAX_FACTS


@given(st.text(alphabet="abcIZ thersio84.,?!'\"\n`>:;-", max_size=200))
def test_every_fact_is_an_exact_span_of_the_message(message: str) -> None:
    for fact in extract(message)[0]:
        assert message[fact.start : fact.end] == fact.text
        assert fact.text.strip() == fact.text
