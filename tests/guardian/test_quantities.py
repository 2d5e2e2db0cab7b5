from __future__ import annotations

import pytest

from guardian.quantities import quantity


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("3 years", "36 months"),
        ("1 km", "1000 m"),
        ("9:30 pm", "21:30"),
        ("two hundred", "200"),
        ("5%", "5 percent"),
    ],
)
def test_equal_amounts_are_equal_however_they_are_written(left: str, right: str) -> None:
    a, b = quantity(left), quantity(right)
    assert a is not None
    assert b is not None
    assert not a.differs(b)


@pytest.mark.parametrize(("left", "right"), [("9 am", "9 pm"), ("8443", "9000"), ("48 hours", "1 day")])
def test_other_amounts_differ(left: str, right: str) -> None:
    a, b = quantity(left), quantity(right)
    assert a is not None
    assert b is not None
    assert a.differs(b)


@pytest.mark.parametrize("text", ["fourteen people", "noon", "10.0.0.1", "", "the"])
def test_what_is_more_or_less_than_an_amount_is_none(text: str) -> None:
    assert quantity(text) is None
