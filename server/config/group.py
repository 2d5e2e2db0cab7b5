"""What all groups of settings share: frozen, no unknown names, and lists that come as text."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


def from_json(value: object) -> object:
    """Lists of tables come as JSON from a variable, as they are from the file."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise PydanticCustomError("json", "is not valid JSON ({why})", {"why": str(error)}) from error


def from_commas(value: object) -> object:
    """Lists of names come as `a,b` from a flag or a variable."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Group(BaseModel):
    """One table of livegraft.toml."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True
    )
