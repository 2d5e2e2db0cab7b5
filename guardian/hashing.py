"""Keyed hashes, by which a finding points at a secret without holding it; and the hash of a policy."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Collection
from dataclasses import asdict, is_dataclass


class KeyedHash:
    """HMAC-SHA256 with the policy's key, or with one drawn here when the policy has none."""

    def __init__(self, key: str = "") -> None:
        self._key = key.encode() if key else secrets.token_bytes(32)

    def __call__(self, value: str) -> str:
        """Twelve hex digits: enough to see that two findings mean the same thing, useless without the key."""
        return hmac.new(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]


def content_hash(policy: object, leave_out: Collection[str] = ()) -> str:
    """Twelve hex digits of a dataclass's fields: equal for equal contents, in every process."""
    assert is_dataclass(policy)
    assert not isinstance(policy, type)
    fields = {name: value for name, value in asdict(policy).items() if name not in leave_out}
    text = json.dumps(fields, sort_keys=True, default=lambda names: sorted(names))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
