"""What the HTTP layer may ask of the rest of the server; the composition root provides it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from adapter_store import Manifest
from server.router import Choice
from server.types import Message, Refs, Rollout, VersionRow


class Control(Protocol):
    """Refs, rollouts and moves. Exceptions of the parts behind it pass through; errors.py words them."""

    def refs(self) -> Refs:
        """The refs as last polled, at most half a second old. Never blocks."""
        ...

    def rollout(self) -> Rollout | None:
        """The live rollout, as fresh as `refs`. Never blocks."""
        ...

    def choose(self, user: str, suffix: str | None, conversation: str = "") -> Choice:
        """Which version answers: routed without a suffix, else the one named (`stable`, `base`, `v12`, …).

        Raises server.router.UnknownVersion.
        """
        ...

    async def ensure(self, version: str) -> None:
        """Have a known version loaded in the engine; at once when it is already."""
        ...

    async def rollback(self, to: str | None, actor: str, reason: str) -> Refs:
        """Serve an earlier version again: the one named, or the previous stable."""
        ...

    async def revoke(self, delta_id: str, actor: str, reason: str) -> VersionRow:
        """Serve stable without one delta."""
        ...

    async def forget(self, user: str, replayed: bool, actor: str) -> dict[str, object]:
        """Take a user out of the weights that are served, the ledger and the store."""
        ...

    async def evidence(self, rollout: Rollout) -> dict[str, object]:
        """What is known of a live rollout and what the rule says of it now (server.rollout.report)."""
        ...

    async def waiting(self) -> str:
        """Why the next version is not shown though nothing else is, in words; '' when none waits for long."""
        ...

    async def promote(self, actor: str, reason: str) -> Refs:
        """Make the canary everybody's."""
        ...

    async def abort(self, actor: str, reason: str) -> Refs:
        """Withdraw the canary."""
        ...

    async def set_weight(self, weight: float, actor: str, reason: str) -> Rollout:
        """Show the canary to another share of users."""
        ...

    async def hold(self, held: bool, actor: str, reason: str) -> Rollout:
        """Stop showing the canary for now, or show it again."""
        ...

    async def proof(self, version: str) -> dict[str, object]:
        """`{"version", "digest", "files": {name: sha256}, "logits_sha256"}`, computed now."""
        ...

    async def origin(self, version: str) -> tuple[dict[str, str], dict[str, Manifest]]:
        """Name → sha256 of each file of a version, and the manifest of each of its deltas."""
        ...

    async def preview(
        self, messages: Sequence[Message], user: str, key_name: str = "", operator: bool = True
    ) -> dict[str, object]:
        """`{"self_edits": [{"statement", "examples", "verdict"}], "reason"}`; stores nothing."""
        ...

    def alarms(self) -> list[str]:
        """What an operator should look at, in words."""
        ...

    def ready(self) -> tuple[bool, list[str]]:
        """Whether chat can be served, and if not, why."""
        ...
