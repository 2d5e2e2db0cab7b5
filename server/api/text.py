"""What JSON can hold and no model can read."""

from __future__ import annotations

import json
from typing import Any


def is_unicode(value: Any) -> bool:
    """Whether every character in a JSON value is one: JSON can hold halves of surrogate pairs."""
    try:
        (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode()
    except UnicodeEncodeError:
        return False
    return True
