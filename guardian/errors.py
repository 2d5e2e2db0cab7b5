"""What the guardian raises. A bad example is never an exception: it is a finding."""

from __future__ import annotations


class GuardianError(Exception):
    """The guardian cannot do what it was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class BadPolicy(GuardianError):
    """The policy is not one that the guardian can apply; correct the named setting."""


class CheckUnavailable(GuardianError):
    """A check cannot start; its message names what is missing and what to do."""


class BrokenCheck(GuardianError):
    """A check broke its promise: it answered something that is not a tuple of findings it may give."""


class JudgeError(GuardianError):
    """A remote judge gave no usable answer. Its message names judge, endpoint and what to do, never the text
    that was judged, nor the key."""
