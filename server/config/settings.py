"""Every setting, its default and what is allowed. docs/settings.md documents them, a test compares."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from guardian import policy_file
from guardian.checks.registry import BUILDERS
from guardian.data_policy import DataPolicy
from guardian.errors import BadPolicy
from guardian.judges.adapters import problem
from guardian.types import Policy, RemoteJudge, Topic
from server.api.auth import ANONYMOUS
from server.api.policy import ALL_SCOPES, ApiKey, ApiPolicy, KeyScope
from server.learner.errors import UnknownProfile
from server.learner.profiles import choose

GlobalFrom = Literal["everyone", "operator", "quorum"]
TOML_FILE = "livegraft.toml"


def _from_json(value: object) -> object:
    """Lists of tables come as JSON from a variable, as they are from the file."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise PydanticCustomError("json", "is not valid JSON ({why})", {"why": str(error)}) from error


def _from_commas(value: object) -> object:
    """Lists of names come as `a,b` from a flag or a variable."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class _Group(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True
    )


class KeySettings(_Group):
    """One API key."""

    name: str = Field(min_length=1, max_length=64)
    """Who presents the key; stands in the audit."""
    key: SecretStr = Field(min_length=8)
    """The secret itself, at least 8 characters."""
    scopes: frozenset[KeyScope] = ALL_SCOPES
    """What the key may do: `chat`, `feedback`, `operator`."""
    may_speak_for_others: bool = False
    """Whether the `user` field of a request names the user (an application's key), or the key's name does."""


class EngineSettings(_Group):
    """What generates the answers."""

    kind: Literal["embedded", "fake"] = "embedded"
    """`embedded` runs the model in the server; `fake` answers from a script, for front-end work."""
    max_batch: int = Field(default=32, ge=1, le=1024)
    """Answers generated at the same time."""
    max_model_len: int = Field(default=2048, ge=64)
    """Tokens of prompt and answer together."""
    threads: int = Field(default=0, ge=0)
    """CPU threads of the engine; 0 takes every core."""
    max_waiting: int = Field(default=256, ge=0)
    """Requests that may wait for a slot; more are turned away with 503."""


class LearningSettings(_Group):
    """How turns become weights."""

    enabled: bool = True
    """Whether turns are written down as self-edits and trained at all."""
    global_from: GlobalFrom | None = None
    """Whose facts may reach the adapter that everybody is served: `everyone`, `operator` (keys with that
    scope) or `quorum` (the same fact from several users). Unset: everyone without keys, else operator."""
    quorum: int = Field(default=3, ge=2)
    """Distinct users that must state a fact when `global_from` is quorum."""
    batch_window_seconds: float = Field(default=3.0, ge=0, le=86_400)
    """How long the newest fact waits for company before an update starts."""
    max_edits_per_update: int = Field(default=8, ge=1, le=256)
    """Facts trained in one update."""
    max_attempts: int = Field(default=2, ge=1, le=10)
    """Updates that may try to teach a fact before it stays in memory only."""
    memory_limit_mb: int = Field(default=0, ge=0)
    """Megabytes that an update may take beside the base model's weights; 0: what the machine has free."""
    preference_pairs: int = Field(default=8, ge=0, le=64)
    """Corrections (feedback with a demonstration) that must wait to be trained together; 0: never."""
    preference_thumbs: int = Field(default=16, ge=0, le=64)
    """Liked and disliked answers that must wait to be trained together, a quarter of each kind; 0: never."""
    max_rank: int = Field(default=64, ge=2, le=4096)
    """Ranks of a version's deltas together; before they pass it, one delta is trained in their place."""
    consolidate_every: int = Field(default=50, ge=0)
    """Updates after which one delta takes the place of all, whatever their ranks; 0 is never."""
    profile: str = ""
    """Name of the training recipe; '' chooses by the model's size. For experiments, changes may follow it:
    `small,max_steps=10,replay=0`."""
    threads: int = Field(default=0, ge=0)
    """CPU threads of the learner process; 0 takes every core. It makes way while chat requests wait."""
    nice: int = Field(default=10, ge=0, le=19)
    """Priority of the learner process: 0 is as important as the server, 19 least."""
    seed: int = Field(default=0, ge=0)
    """Seed of all training: same turns, same seed, same machine, same adapter."""
    duplicate_window_seconds: float = Field(default=600.0, ge=0)
    """The same user sending the same messages again within it is a retry and teaches nothing new."""

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, text: str) -> str:
        try:
            choose(text, parameters=0)
        except UnknownProfile as error:
            raise PydanticCustomError("profile", "{why}", {"why": str(error)}) from None
        return text


class JudgeSettings(_Group):
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


class GuardianSettings(_Group):
    """What is judged before anything is trained."""

    toxicity_model_dir: str = ""
    """Folder with local Detoxify-family weights; '' uses the bundled classifier."""
    toxicity_block: float = Field(default=0.9, gt=0, le=1)
    """Score from which an example is never trained."""
    toxicity_quarantine: float = Field(default=0.4, gt=0, le=1)
    """Score from which an example waits for a person."""
    experts: Annotated[frozenset[str], NoDecode, BeforeValidator(_from_commas)] = frozenset()
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
    disabled_checks: Annotated[frozenset[str], NoDecode, BeforeValidator(_from_commas)] = frozenset()
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
    judges: Annotated[tuple[JudgeSettings, ...], NoDecode, BeforeValidator(_from_json)] = ()
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


class RolloutSettings(_Group):
    """How a new version reaches the users."""

    weight: float = Field(default=0.1, ge=0, le=1)
    """Share of users that meet a new version first, 0 to 1."""
    auto_promote: bool = True
    """Whether a canary without incident becomes everybody's by itself; false waits for an operator."""
    promote_after_seconds: float = Field(default=20.0, ge=0)
    """How long a canary is watched at least."""
    min_canary_turns: int = Field(default=0, ge=0)
    """Answers that a canary must have given before it is promoted."""
    max_failed_turns: int = Field(default=0, ge=0)
    """Answers of a canary that may fail before it is withdrawn."""
    max_thumbs_down: int = Field(default=2, ge=0)
    """Distinct users that may object to a canary before it is withdrawn."""
    poll_seconds: float = Field(default=0.25, gt=0, le=0.5)
    """How often the refs are read: how long a rollback made elsewhere may take to be seen here."""


class Settings(BaseSettings):
    """Everything an operator can set. Frozen: a change needs a restart.

    A misspelt setting in livegraft.toml, in a group's variable or as a flag is refused. Not covered: a
    misspelt top-level variable (LIVEGRAFT_PROT) is ignored like any other variable.
    """

    model_config = SettingsConfigDict(
        env_prefix="LIVEGRAFT_",
        env_nested_delimiter="__",
        toml_file=TOML_FILE,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    model: str = Field(default="smollm2", min_length=1)
    """What is served: `smollm2`, `seedling`, a model folder, or a hub id."""
    host: str = "127.0.0.1"
    """Address to listen on. Without keys only a loopback address is allowed."""
    port: int = Field(default=8000, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    home: Path = Path(".livegraft")
    """Folder of all state: database, adapters, converted models."""
    keys: Annotated[tuple[KeySettings, ...], NoDecode, BeforeValidator(_from_json)] = ()
    """API keys, as [[keys]] tables in livegraft.toml or JSON in LIVEGRAFT_KEYS. Never a flag: flags are
    visible to every process of the machine."""
    log_format: Literal["human", "json"] = "human"
    """Log lines for a person, or one JSON object a line."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are logged."""
    engine: EngineSettings = EngineSettings()
    learning: LearningSettings = LearningSettings()
    guardian: GuardianSettings = GuardianSettings()
    rollout: RolloutSettings = RolloutSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Highest first; read_settings hands the flags in as init arguments."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @model_validator(mode="after")
    def _keyless_means_loopback(self) -> Settings:
        if not self.keys and not is_loopback(self.host):
            raise PydanticCustomError(
                "host",
                "host = '{host}': a server without keys may listen only on a loopback address "
                "(127.0.0.1, ::1, localhost); to listen elsewhere add [[keys]] to livegraft.toml",
                {"host": self.host},
            )
        return self

    @model_validator(mode="after")
    def _judges_are_others(self) -> Settings:
        for judge in self.guardian.judges:
            address = urlsplit(judge.base_url)
            if self.port and address.port == self.port and is_loopback(address.hostname or ""):
                raise PydanticCustomError(
                    "judge",
                    "guardian.judges: '{name}' is this server (port {port}): a model must not judge what it "
                    "is taught; serve the judge elsewhere",
                    {"name": judge.name, "port": self.port},
                )
        return self

    @model_validator(mode="after")
    def _keys_differ(self) -> Settings:
        for what, values in (
            ("name", [key.name for key in self.keys]),
            ("secret", [key.key.get_secret_value() for key in self.keys]),
        ):
            if len(set(values)) < len(values):
                raise PydanticCustomError(
                    "keys", "keys: two keys have the same {what}; each needs its own", {"what": what}
                )
        return self

    @property
    def global_from(self) -> GlobalFrom:
        """Whose facts may reach everybody: the operator's word, else by whether there are keys."""
        return self.learning.global_from or ("operator" if self.keys else "everyone")

    def guardian_policy(self) -> Policy:
        """The guardian's own words for these settings."""
        data = self.guardian.data_policy
        return Policy(
            name=data.name or Policy().name,
            global_from=self.global_from,
            quorum=self.learning.quorum,
            near_copy_window_seconds=self.guardian.near_copy_window_seconds,
            max_facts_per_user=self.guardian.max_facts_per_user,
            max_facts_per_subject=self.guardian.max_facts_per_subject,
            max_facts_per_user_subject=self.guardian.max_facts_per_user_subject,
            caps_window_seconds=self.guardian.caps_window_seconds,
            experts=self.guardian.experts,
            anonymous=self._anonymous(),
            established_after_seconds=self.guardian.established_after_seconds,
            established_after_turns=self.guardian.established_after_turns,
            disabled_checks=self.guardian.disabled_checks,
            toxicity_model_dir=self.guardian.toxicity_model_dir,
            nli_model_dir=self.guardian.nli_model_dir,
            toxicity_block=self.guardian.toxicity_block,
            toxicity_quarantine=self.guardian.toxicity_quarantine,
            judges=tuple(judge.judge() for judge in self.guardian.judges),
            data=data,
        )

    def _anonymous(self) -> frozenset[str]:
        """User ids for whoever cannot be told apart: an application's own name is its unnamed users'."""
        return frozenset({"", ANONYMOUS, *(key.name for key in self.keys if key.may_speak_for_others)})

    def api_policy(self) -> ApiPolicy:
        """The HTTP layer's own words for these settings."""
        return ApiPolicy(
            keys=tuple(_api_key(key) for key in self.keys),
            learning_enabled=self.learning.enabled,
            duplicate_window_seconds=self.learning.duplicate_window_seconds,
            preference_pairs=self.learning.preference_pairs,
            preference_thumbs=self.learning.preference_thumbs,
            max_waiting=self.engine.max_waiting,
            data=self.guardian.data_policy,
            two_persons=self.guardian.two_persons,
            quarantine_days=self.guardian.expire_days,
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def leaves(model: type[BaseModel] = Settings, prefix: Sequence[str] = ()) -> dict[str, str]:
    """Every setting by its dotted name, with its documentation on one line."""
    found: dict[str, str] = {}
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            found |= leaves(info.annotation, (*prefix, name))
        else:
            found[".".join((*prefix, name))] = " ".join((info.description or "").split())
    return found


def _api_key(key: KeySettings) -> ApiKey:
    return ApiKey(key.name, key.key.get_secret_value(), key.scopes, key.may_speak_for_others)
