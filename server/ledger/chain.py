"""The arithmetic of the audit's chain: what a row's hash is taken over, and what stands in it for words.

hash = SHA-256 of the RFC 8785 canonical JSON of {id, at, actor, action, subject, before, after, sealed,
previous}, in hex; `previous` is the hash of the row before, '' for the first. What may hold somebody's words,
reason and evidence, is in the chain only as `sealed` = HMAC-SHA-256 under the row's own random salt of the
canonical JSON of {reason, evidence}. Erase words and salt and what is left says nothing of them, while every
hash still holds.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any

import rfc8785

CUT = "words_cut"
"""Where evidence says which earlier rows' words were cut: {id: the seal of what stands there now}."""
LINKED = ("id", "at", "actor", "action", "subject", "before", "after", "sealed")
_EXACT = 2**53
"""JSON's numbers are doubles: whole numbers from here on are not exact."""


def new_salt() -> str:
    """128 random bits in hex."""
    return secrets.token_hex(16)


def seal(salt: str, reason: str, evidence: Any) -> str:
    """What stands in the chain for words. Raises rfc8785.CanonicalizationError where they are not `plain`."""
    words = rfc8785.dumps({"reason": reason, "evidence": evidence})
    return hmac.new(salt.encode(), words, "sha256").hexdigest()


def link(row: Mapping[str, Any], previous: str) -> str:
    """The hash of a row (LINKED of it) that follows a row with the hash `previous`."""
    linked = {name: row[name] for name in LINKED} | {"previous": previous}
    return hashlib.sha256(rfc8785.dumps(linked)).hexdigest()


def plain(value: Any) -> Any:
    """The value as JSON can keep it and as it is read again: what has no canonical form becomes text.

    That is: numbers that are not finite, whole numbers of 2^53 and more, halves of surrogate pairs, other
    types.
    """
    text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace")
    return json.loads(text, parse_constant=str, parse_int=_whole)


def _whole(digits: str) -> int | str:
    number = int(digits) if len(digits) < 20 else _EXACT
    return number if abs(number) < _EXACT else digits
