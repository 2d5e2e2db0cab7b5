"""Stop strings over pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.engine.text import StopFilter


def run(pieces: list[str], stop: tuple[str, ...]) -> tuple[str, bool]:
    stream = StopFilter(stop)
    shown = ""
    for piece in pieces:
        text, stopped = stream.push(piece)
        shown += text
        if stopped:
            return shown, True
    return shown + stream.flush(), False


def test_without_stop_strings_pieces_pass_unchanged() -> None:
    assert StopFilter(()).push("any") == ("any", False)
    assert StopFilter(("",)).push("any") == ("any", False)


def test_a_stop_string_split_over_pieces_is_found_and_not_shown() -> None:
    assert run(["Hello <", "|en", "d|> and more"], ("<|end|>",)) == ("Hello ", True)


def test_what_could_become_a_stop_string_is_held_until_it_does_not() -> None:
    stream = StopFilter(("abc",))
    assert stream.push("xab") == ("x", False)
    assert stream.push("d") == ("abd", False)


def test_of_several_stop_strings_the_first_in_the_text_wins() -> None:
    assert run(["one two three"], ("three", "two")) == ("one ", True)


@given(
    st.lists(st.text("ab", max_size=4), max_size=8),
    st.lists(st.text("ab", min_size=1, max_size=3), max_size=3),
)
def test_splitting_a_text_into_pieces_changes_nothing(pieces: list[str], stops: list[str]) -> None:
    whole = "".join(pieces)
    shown, stopped = run(pieces, tuple(stops))
    assert stopped == any(s in whole for s in stops)
    if stopped:
        assert whole.startswith(shown)
        assert not any(s in shown for s in stops)
    else:
        assert shown == whole
