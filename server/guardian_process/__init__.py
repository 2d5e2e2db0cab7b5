"""The guardian in a process of its own, with one thread: chat does not wait for it, nor die with it."""

from __future__ import annotations

from server.guardian_process.client import GuardianProcess

__all__ = ["GuardianProcess"]
