"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# the first example of a property loads what it needs, and a busy machine is slow: neither is a failure
settings.register_profile("livegraft", deadline=None)
settings.load_profile("livegraft")
