"""Settings group `rollout`: how a new version reaches the users."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from server.config.group import Group, from_commas
from server.rollout.types import RolloutPolicy


class RolloutSettings(Group):
    """How a new version reaches the users."""

    mode: Literal["auto", "quick", "evidence"] = "auto"
    """`quick` shows it to `weight` of the users and promotes it by time and counts; `evidence` goes by steps
    and tests. `auto`: quick on a server without keys, evidence with keys."""
    auto_promote: bool = True
    """Whether a canary without incident goes on by itself; false waits for an operator at every step."""
    weight: float = Field(default=0.1, ge=0, le=1)
    """Quick: share of users that meet a new version first, 0 to 1."""
    promote_after_seconds: float = Field(default=20.0, ge=0)
    """Quick: how long a canary is watched at least."""
    min_canary_turns: int = Field(default=0, ge=0)
    """Quick: answers that a canary must have given before it is promoted."""
    max_failed_turns: int = Field(default=0, ge=0)
    """Quick: answers of a canary that may fail before it is withdrawn."""
    max_thumbs_down: int = Field(default=2, ge=0)
    """Quick: distinct users that may object to a canary before it is withdrawn."""
    steps: Annotated[tuple[float, ...], NoDecode, BeforeValidator(from_commas)] = (0.05, 0.2, 0.5, 1.0)
    """Evidence: shares of users, rising to 1, separated by commas."""
    dwell_seconds: float = Field(default=1800.0, ge=0)
    """Evidence: how long shadow and each step last at least."""
    min_conversations: int = Field(default=20, ge=0)
    """Evidence: new conversations that the canary must have answered in each step."""
    deadline_seconds: float = Field(default=86_400.0, gt=0)
    """Evidence: after twice as long without them the version goes back to the queue, without a verdict; there
    it waits as long before it is shown again, and twice as long after each further time."""
    bake_seconds: float = Field(default=3600.0, ge=0)
    """Evidence: how long a canary serves everybody before it becomes stable."""
    coin: float = Field(default=0.0, ge=0, lt=1)
    """Evidence: share of a slice user's conversations that the canary answers, the others being the control;
    0: the canary answers all, and users are compared with users."""
    replay: bool = True
    """Evidence: whether stored turns are replayed through both versions before anybody meets the canary."""
    margin: float = Field(default=0.05, gt=0, lt=1)
    """Evidence: share of answers worse than stable's, less those better, that still counts as no worse."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Evidence: how often a harmless canary may be withdrawn, all tests of a rollout together."""
    drift_limit_nats: float = Field(default=2.0, ge=0)
    """Evidence: divergence from stable, nats a token, that is let pass until twenty promoted versions show
    what is usual; 0: any."""
    poll_seconds: float = Field(default=0.25, gt=0, le=0.5)
    """How often the refs are read: how long a rollback made elsewhere may take to be seen here."""

    @field_validator("steps")
    @classmethod
    def _rise_to_everybody(cls, steps: tuple[float, ...]) -> tuple[float, ...]:
        try:
            RolloutPolicy(steps=steps)
        except ValueError as error:
            raise PydanticCustomError("steps", "{why}", {"why": str(error)}) from None
        return steps

    def policy(self, keys: bool) -> RolloutPolicy:
        """The rollout's own words; `keys`: whether the server has any."""
        quick = self.mode == "quick" or (self.mode == "auto" and not keys)
        return RolloutPolicy(
            weight=self.weight,
            auto_promote=self.auto_promote,
            promote_after_seconds=self.promote_after_seconds,
            min_canary_turns=self.min_canary_turns,
            max_failed_turns=self.max_failed_turns,
            max_thumbs_down=self.max_thumbs_down,
            mode="quick" if quick else "evidence",
            steps=self.steps,
            dwell_seconds=self.dwell_seconds,
            min_conversations=self.min_conversations,
            deadline_seconds=self.deadline_seconds,
            bake_seconds=self.bake_seconds,
            coin=self.coin,
            replay=self.replay,
            margin=self.margin,
            alpha=self.alpha,
            drift_limit_nats=self.drift_limit_nats,
        )
