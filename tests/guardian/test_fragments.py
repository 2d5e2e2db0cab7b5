"""Which words are rare: measured on sentences that were made for this, and the rules one by one."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable

import pytest

from guardian.fragments import fragments, tokens, warm_up

_MARK = re.compile(r"\{(\w+)\|([^}]*)\}")


def rare(text: str) -> list[str]:
    return [fragment.text for fragment in fragments(text)]


def unmarked(line: str) -> tuple[str, list[tuple[str, int, int]]]:
    """The sentence, and (kind, start, end) of what is marked in it."""
    spans: list[tuple[str, int, int]] = []
    while match := _MARK.search(line):
        spans.append((match[1], match.start(), match.start() + len(match[2])))
        line = line[: match.start()] + match[2] + line[match.end() :]
    return line, spans


def test_nearly_every_name_firm_address_and_identifier_is_touched_and_few_other_words_are(
    lines: Callable[[str], list[str]],
) -> None:
    touched, marked, flagged, ordinary = Counter[str](), Counter[str](), 0, 0
    for line in lines("marked.txt"):
        text, spans = unmarked(line)
        found = [fragment.span for fragment in fragments(text)]
        for kind, start, end in spans:
            marked[kind] += 1
            touched[kind] += any(f.start < end and start < f.end for f in found)
        for word in re.finditer(r"\w+", text):
            if not any(word.start() < end and start < word.end() for _, start, end in spans):
                ordinary += 1
                flagged += any(f.start <= word.start() < f.end for f in found)
    assert marked.total() >= 200
    assert touched["PERSON"] / marked["PERSON"] >= 0.98
    assert touched.total() / marked.total() >= 0.95
    assert flagged / ordinary <= 0.13


def test_few_words_of_ordinary_sentences_about_things_are_rare(lines: Callable[[str], list[str]]) -> None:
    said = [line for line in lines("ordinary.txt") if line.isascii()]
    everyday = sum(len(line.split()) for line in said)
    assert sum(len(fragments(line)) for line in said) / everyday <= 0.2, "these name a thing in every line"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Maria is here.", ["maria"]),
        ("Nicole's phone rang.", ["nicole"]),
        ("Grace Bell waits.", ["grace", "bell"]),
        ("We met Dr. Grace at noon.", ["dr", "grace"]),
        ("Please call. Then wait for the company.", []),
        ("It is late. Yuki sleeps.", ["yuki"]),
        ("we asked kowalski", ["kowalski"]),
        ("Please ask Jean-Pierre O'Brien.", ["jean", "pierre", "o'brien"]),
        ("Write to ada@example.org, port 8,443.", ["ada@example.org", "8443"]),
        ("See www.example.org or 10.0.0.1:80.", ["www.example.org", "10.0.0.1:80"]),
        ("THE OFFICE OF MARIA LOPEZ IS CLOSED", ["maria", "lopez"]),
        ("I think I'm fine.", []),
        ("", []),
    ],
)
def test_what_counts_as_rare(text: str, found: list[str]) -> None:
    assert rare(text) == found


def test_each_word_of_a_name_is_a_fragment_at_its_own_place() -> None:
    text = "The desk of Ngozi\u200b Adeyemi’s team."
    assert [text[f.span.start : f.span.end] for f in fragments(text)] == ["Ngozi", "Adeyemi’s"]
    assert rare(text) == ["ngozi", "adeyemi"]


def test_a_word_is_found_again_however_it_is_written() -> None:
    assert set(rare("Bob's door is 8,443.")) <= tokens("the door of bob has number 8443")


def test_a_sentence_takes_under_a_millisecond(lines: Callable[[str], list[str]]) -> None:
    warm_up()
    said = lines("marked.txt")
    started = time.process_time()
    for line in said:
        fragments(line)
    assert (time.process_time() - started) / len(said) < 0.001
