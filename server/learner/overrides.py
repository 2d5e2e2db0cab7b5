"""Changes to a recipe as they are typed: 'seedling,max_steps=1,replay=0'. For experiments and ablations."""

from __future__ import annotations

import dataclasses
import difflib
import math
from typing import TYPE_CHECKING

from server.learner.errors import UnknownProfile

if TYPE_CHECKING:
    from server.learner.profiles import Profile

_FIXED = frozenset({"name"})
_AT_LEAST_ONE = frozenset({"rank", "alpha", "max_steps", "check_every", "questions", "distil_top_k"})
_SHARES = frozenset({"layers", "about", "distil", "surface_share", "stop_share", "stop_probability"})
_WANTED = {bool: "true or false", int: "a whole number", float: "a number", str: "a word"}
_WORDS = {"true": True, "false": False}


def parse(text: str) -> tuple[str, dict[str, str]]:
    """The recipe's name ('' for automatic) and the overrides, field to text. Raises UnknownProfile."""
    parts = [part.strip() for part in text.split(",")]
    name = "" if "=" in parts[0] else parts.pop(0)
    overrides: dict[str, str] = {}
    for part in parts:
        field, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not field or not value:
            raise UnknownProfile(f"{part!r} in the profile {text!r} is not of the form field=value")
        if field in overrides:
            raise UnknownProfile(f"the profile {text!r} sets {field} twice")
        overrides[field] = value
    return name, overrides


def apply(profile: Profile, overrides: dict[str, str]) -> Profile:
    """The recipe with the overrides in its fields and in its name. Raises UnknownProfile."""
    if not overrides:
        return profile
    changed = {field: _value(profile, field, text) for field, text in overrides.items()}
    name = ",".join([profile.name, *(f"{field}={text}" for field, text in overrides.items())])
    return dataclasses.replace(profile, name=name, **changed)  # type: ignore[arg-type]


def _value(profile: Profile, field: str, text: str) -> object:
    fields = [f.name for f in dataclasses.fields(profile) if f.name not in _FIXED]
    if field not in fields:
        near = difflib.get_close_matches(field, fields, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(fields)}"
        raise UnknownProfile(f"a profile has no field {field!r} to set{hint}")
    kind = type(getattr(profile, field))
    if kind not in _WANTED:
        raise UnknownProfile(f"{field} of a profile cannot be set by an override")
    try:
        value = _WORDS[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise UnknownProfile(f"{field}={text}: {field} of a profile is {_WANTED[kind]}") from None
    if kind in (int, float):
        _refuse_outside(field, value)
    return value


def _refuse_outside(field: str, value: float) -> None:
    least = 1 if field in _AT_LEAST_ONE else 0
    most = 1 if field in _SHARES else math.inf
    if not math.isfinite(value) or not least <= value <= most:
        range_ = f"from {least} to {most}" if most == 1 else f"at least {least}"
        raise UnknownProfile(f"{field}={value}: {field} of a profile must be {range_}")
