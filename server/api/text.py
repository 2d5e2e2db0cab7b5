"""What JSON can hold and no model can read, no database keep and no answer repeat."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticCustomError


def is_unicode(value: Any) -> bool:
    """Whether every character in a JSON value is one: JSON can hold halves of surrogate pairs."""
    try:
        (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()
    except UnicodeEncodeError:
        return False
    return True


def whole_characters(text: str) -> str:
    """A validator: the text as it is, or refused."""
    if not is_unicode(text):
        raise PydanticCustomError("unicode", "holds half of a surrogate pair, which is no character")
    return text
