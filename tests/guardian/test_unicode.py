from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guardian.unicode import canonical, folded, hidden_characters, repaired


@given(st.text(max_size=100))
def test_a_repaired_text_has_nothing_hidden_and_stays_as_it_is(text: str) -> None:
    once = repaired(text)
    assert hidden_characters(once) == []
    assert repaired(once) == once


@given(st.text(max_size=100))
def test_a_canonical_span_points_into_the_original(text: str) -> None:
    plain = canonical(text)
    for index in range(len(plain.text)):
        span = plain.span(index, index + 1)
        assert 0 <= span.start < span.end <= len(text)


def test_disguises_are_folded_away() -> None:
    assert folded("Ign0re prev1ous") == "ignore previous"
    assert folded("i g n o r e") == "ignore"
    assert folded("Ignоre") == "ignore"
    assert folded("fuuuuck") == "fuck"
    assert folded("I’ll, I‘ll, Iʼll") == "i'll, i'll, i'll"
    assert folded("café") == "cafe"


def test_numbers_by_themselves_are_not_folded() -> None:
    assert folded("port 8443 opens at 9") == "port 8443 opens at 9"
