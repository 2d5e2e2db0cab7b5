"""Every setting, its default and what is allowed. docs/settings.md documents them, a test compares."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
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

from guardian.types import Policy
from server.api.auth import ANONYMOUS
from server.api.policy import ALL_SCOPES, ApiKey, ApiPolicy, KeyScope
from server.config.group import Group, from_json
from server.config.guardian import GuardianSettings
from server.config.rollout import RolloutSettings
from server.config.surface import EmbeddingsSettings, IdentitySettings
from server.config.vllm import VllmSettings
from server.engine.vllm.options import LORA_RANKS
from server.learner.errors import UnknownProfile
from server.learner.profiles import choose
from server.rollout.types import RolloutPolicy

GlobalFrom = Literal["everyone", "operator", "quorum"]
TOML_FILE = "livegraft.toml"


class KeySettings(Group):
    """One API key."""

    name: str = Field(min_length=1, max_length=64)
    """Who presents the key; stands in the audit."""
    key: SecretStr = Field(min_length=8)
    """The secret itself, at least 8 characters."""
    scopes: frozenset[KeyScope] = ALL_SCOPES
    """What the key may do: `chat`, `feedback`, `operator`."""
    may_speak_for_others: bool = False
    """Whether the `user` field of a request names the user (an application's key), or the key's name does."""


class EngineSettings(Group):
    """What generates the answers."""

    kind: Literal["embedded", "vllm", "fake"] = "embedded"
    """`embedded` runs the model in the server, `vllm` in `vllm serve` processes beside it; `fake` answers
    from a script, for front-end work."""
    max_batch: int = Field(default=32, ge=1, le=1024)
    """Answers generated at the same time (by each replica of vllm)."""
    max_model_len: int = Field(default=2048, ge=64)
    """Tokens of prompt and answer together."""
    threads: int = Field(default=0, ge=0)
    """CPU threads of the engine; 0 takes every core."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the embedded engine runs. Training takes the first GPU there is, wherever the engine runs."""
    kv_cache_mb: int = Field(default=512, ge=16)
    """Megabytes that the embedded engine may keep of running answers, and beside them of prompts it read
    in the last two minutes (a quarter at most)."""
    max_waiting: int = Field(default=256, ge=0)
    """Requests that may wait for a slot; more are turned away with 503."""


class LearningSettings(Group):
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
    latency_budget_ms: float = Field(default=0.0, ge=0, le=60_000, allow_inf_nan=False)
    """Milliseconds between two tokens of a chat answer, 99th percentile, that learning must not push past;
    0: no budget, learning waits half a second a micro-step while chat requests run."""
    least_share: float = Field(default=0.05, gt=0, le=1, allow_inf_nan=False)
    """Of all time, what learning gets under steady load although the latency budget is exceeded."""
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
    workers: int = Field(default=1, ge=1, le=64)
    """Server processes that share the port. More than one needs an engine outside of them."""
    home: Path = Path(".livegraft")
    """Folder of all state: database, adapters, converted models."""
    keys: Annotated[tuple[KeySettings, ...], NoDecode, BeforeValidator(from_json)] = ()
    """API keys, as [[keys]] tables in livegraft.toml or JSON in LIVEGRAFT_KEYS. Never a flag: flags are
    visible to every process of the machine."""
    log_format: Literal["human", "json"] = "human"
    """Log lines for a person, or one JSON object a line."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important lines that are logged."""
    engine: EngineSettings = EngineSettings()
    vllm: VllmSettings = VllmSettings()
    learning: LearningSettings = LearningSettings()
    identity: IdentitySettings = IdentitySettings()
    embeddings: EmbeddingsSettings = EmbeddingsSettings()
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
    def _engine_apart(self) -> Settings:
        if self.workers > 1 and self.engine.kind == "embedded":
            raise PydanticCustomError(
                "workers",
                "workers = {workers}: the embedded engine lives in the server's process, each further one "
                "would hold its own; set workers to 1, or choose an engine that runs apart",
                {"workers": self.workers},
            )
        if self.workers > 1 and self.engine.kind == "vllm" and not self.vllm.urls:
            raise PydanticCustomError(
                "workers",
                "workers = {workers}: each would start vLLM processes of its own; start them apart and give "
                "their addresses in vllm.urls, or set workers to 1",
                {"workers": self.workers},
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
    def _ranks_can_be_served(self) -> Settings:
        if self.engine.kind == "vllm" and self.learning.max_rank > LORA_RANKS[-1]:
            raise PydanticCustomError(
                "vllm",
                "learning.max_rank = {rank}: vLLM serves ranks up to {most}",
                {"rank": self.learning.max_rank, "most": LORA_RANKS[-1]},
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

    def indistinct(self) -> frozenset[str]:
        """User ids under which several people may speak: a key that all share is no name either."""
        chatting = [key.name for key in self.keys if "chat" in key.scopes]
        return self._anonymous() | frozenset(chatting if len(chatting) == 1 else ())

    def rollout_policy(self) -> RolloutPolicy:
        """The rollout's own words for these settings."""
        return self.rollout.policy(keys=bool(self.keys))

    def api_policy(self) -> ApiPolicy:
        """The HTTP layer's own words for these settings."""
        return ApiPolicy(
            keys=tuple(_api_key(key) for key in self.keys),
            learning_enabled=self.learning.enabled,
            duplicate_window_seconds=self.learning.duplicate_window_seconds,
            preference_pairs=self.learning.preference_pairs,
            preference_thumbs=self.learning.preference_thumbs,
            max_waiting=self.engine.max_waiting,
            identity=self.identity.policy(),
            seed=self.learning.seed,
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
