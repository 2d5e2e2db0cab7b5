"""How a replica can fail, inside the engine; callers only meet the protocol's errors."""

from __future__ import annotations

import re

from server.engine.types import EngineDead


class ReplicaLost(EngineDead):
    """The replica that was answering is gone; others, or itself after a restart, answer again."""


class ReplicaFailed(Exception):
    """A replica does not answer as a healthy one does: down, hung, or talking nonsense."""


class Misconfigured(ReplicaFailed):
    """A replica answers, but can never serve as it was started; a person must start it otherwise."""


class Refused(Exception):
    """A replica answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def fatal(self) -> bool:
        """Whether the replica's engine has died under its HTTP server, which follows it soon."""
        return self.status >= 500 and ("EngineCore" in self.message or "EngineDead" in self.message)

    @property
    def no_such_model(self) -> bool:
        """Whether the replica does not have, or no longer has, the adapter that was asked for."""
        return self.status == 404 and "does not exist" in self.message

    @property
    def busy(self) -> bool:
        """Whether another replica, or the same a little later, may do it."""
        return self.status in (408, 429, 503)

    @property
    def too_long(self) -> bool:
        """Whether the prompt does not fit, or fills the context so that no token is left for the answer."""
        return self.status == 400 and bool(re.search(r"context length|at least 1, got 0", self.message))
