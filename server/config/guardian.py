"""The guardian's settings: thresholds, whose word counts, the data policy, remote judges."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from guardian import policy_file
from guardian.checks.registry import BUILDERS
from guardian.data_policy import DataPolicy
from guardian.errors import BadPolicy
from guardian.judges.adapters import problem
from guardian.types import RemoteJudge, Topic
from server.config.group import Group, from_commas, from_json


class JudgeSettings(Group):
    """One judge model behind an OpenAI-compatible endpoint."""

    name: str = Field(min_length=1, max_length=64)
    """What findings and alarms call it."""
    adapter: Literal["qwen3guard", "granite_guardian", "llama_guard", "shieldgemma", "gpt_oss_safeguard"]
    """The family that the model belongs to: how it is asked and how its reply is read."""
    base_url: str = Field(min_length=1)
    """Where the API starts, such as `http://judge:8001/v1`."""
    model: str = Field(min_length=1)
    """The model's name there."""
    key_env: str = ""
    """The environment variable that holds the API key; '' sends none."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=300)
    """How long an answer may take."""
    topics: tuple[Topic, ...] = ("toxicity",)
    """What it is asked about: `toxicity`, `bias`, `grounding`, `contradiction`, as far as the adapter can."""
    ask: Literal["undecided", "always"] = "undecided"
    """`undecided` asks only where another check is unsure; `always` also about what all others let pass."""

    @model_validator(mode="after")
    def _makes_sense(self) -> JudgeSettings:
        if why := problem(self.judge()):
            raise PydanticCustomError("judge", "guardian.judges: {why}", {"why": why})
        return self

    def judge(self) -> RemoteJudge:
        """The guardian's own words for it."""
        return RemoteJudge(**self.model_dump())


class GuardianSettings(Group):
    """What is judged before anything is trained."""

    toxicity_model_dir: str = ""
    """Folder with local Detoxify-family weights; '' uses the bundled classifier."""
    toxicity_block: float = Field(default=0.9, gt=0, le=1)
    """Score from which an example is never trained."""
    toxicity_quarantine: float = Field(default=0.4, gt=0, le=1)
    """Score from which an example waits for a person."""
    experts: Annotated[frozenset[str], NoDecode, BeforeValidator(from_commas)] = frozenset()
    """Users whose word needs no quorum and has no caps, separated by commas."""
    established_after_seconds: float = Field(default=259_200.0, ge=0)
    """How long ago a user must have been met first to count towards a quorum."""
    established_after_turns: int = Field(default=5, ge=0)
    """Turns that a user must have had to count towards a quorum."""
    near_copy_window_seconds: float = Field(default=86_400.0, ge=0)
    """Near copies of one text by several accounts within it count as one voice; 0 compares nothing."""
    max_facts_per_user: int = Field(default=50, ge=1)
    """Facts and preferences of one user that are accepted within `caps_window_seconds`; more wait for a
    person."""
    max_facts_per_subject: int = Field(default=10, ge=1)
    """Facts of one subject, by all who are neither experts nor operators, that are accepted within it."""
    max_facts_per_user_subject: int = Field(default=5, ge=1)
    """Facts of one subject by one user that are accepted, ever."""
    caps_window_seconds: float = Field(default=86_400.0, gt=0)
    """Over how long accepted facts are counted."""
    nli_model_dir: str = ""
    """Folder with a local three-label NLI cross-encoder; '' compares words only."""
    disabled_checks: Annotated[frozenset[str], NoDecode, BeforeValidator(from_commas)] = frozenset()
    """Names of checks that are not run, separated by commas."""
    process: bool = True
    """Whether the guardian runs in a process of its own, with one thread, so that chat does not wait for
    it."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=3600)
    """How long the guardian's process may take over one example before it is killed and started again."""
    policy_file: str = ""
    """File (TOML) of the data policy: topics, sources, retention, consent, sign-offs; '' is none."""
    quarantine_days: float = Field(default=30.0, gt=0, le=36_500)
    """Days after which what waits for a person is denied because nobody looked."""
    spot_check_share: float = Field(default=0.05, ge=0, le=1)
    """Share of what was allowed that is shown to a person all the same, without holding it up."""
    two_persons: bool = False
    """Whether every approval in a review needs two different persons, that is keys."""
    judges: Annotated[tuple[JudgeSettings, ...], NoDecode, BeforeValidator(from_json)] = ()
    """Judge models that are asked about what the checks leave undecided, as [[guardian.judges]] tables in
    livegraft.toml or JSON in LIVEGRAFT_GUARDIAN__JUDGES."""

    @field_validator("judges")
    @classmethod
    def _judges_differ(cls, judges: tuple[JudgeSettings, ...]) -> tuple[JudgeSettings, ...]:
        if len({judge.name for judge in judges}) < len(judges):
            raise PydanticCustomError("judge", "guardian.judges: two judges have the same name")
        return judges

    @model_validator(mode="after")
    def _ordered(self) -> GuardianSettings:
        if self.toxicity_quarantine > self.toxicity_block:
            raise PydanticCustomError(
                "order",
                "guardian.toxicity_quarantine = {low}: must not be above guardian.toxicity_block ({high})",
                {"low": self.toxicity_quarantine, "high": self.toxicity_block},
            )
        return self

    @model_validator(mode="after")
    def _readable_policy(self) -> GuardianSettings:
        try:
            self.data_policy  # noqa: B018 (read here, once, so that a broken file is told with the settings)
        except BadPolicy as error:
            raise PydanticCustomError("policy", "{why}", {"why": str(error)}) from None
        return self

    @cached_property
    def data_policy(self) -> DataPolicy:
        """What the policy file says; the empty policy without one. Raises BadPolicy."""
        return policy_file.read(self.policy_file, BUILDERS) if self.policy_file else DataPolicy()

    @property
    def expire_days(self) -> float:
        """Days in quarantine: the policy file's word before the setting's."""
        return self.data_policy.retention.quarantine_days or self.quarantine_days
