"""Keyed hashes: how a finding points at a secret without holding it."""

from __future__ import annotations

import hashlib
import hmac
import secrets


class KeyedHash:
    """HMAC-SHA256 with the policy's key, or with one drawn here when the policy has none."""

    def __init__(self, key: str = "") -> None:
        self._key = key.encode() if key else secrets.token_bytes(32)

    def __call__(self, value: str) -> str:
        """Twelve hex digits: enough to see that two findings mean the same thing, useless without the key."""
        return hmac.new(self._key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]
