"""The vllm engine's settings: where its replicas are or how they are started, and patience with them."""

from __future__ import annotations

import shlex
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from server.config.group import Group, from_commas


def _from_words(value: object) -> object:
    """Arguments come as one text, quoted as in a shell, from a flag or a variable."""
    return shlex.split(value) if isinstance(value, str) else value


class VllmSettings(Group):
    """Used when `engine.kind` is `vllm`."""

    urls: Annotated[tuple[str, ...], NoDecode, BeforeValidator(from_commas)] = ()
    """Addresses of `vllm serve` processes that somebody else runs, separated by commas; without any, they
    are started here."""
    executable: str = Field(default="vllm", min_length=1)
    """The `vllm` program of the environment that has it, for processes started here."""
    replicas: int = Field(default=1, ge=1, le=64)
    """Processes started here."""
    arguments: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_from_words)] = ()
    """More arguments of `vllm serve` for processes started here, quoted as in a shell."""
    devices: Annotated[tuple[str, ...], NoDecode, BeforeValidator(from_commas)] = ()
    """CUDA_VISIBLE_DEVICES of each process started here, separated by commas; none: all see all."""
    key_env: str = ""
    """The environment variable that holds the API key of the addresses in `vllm.urls`; '' sends none."""
    adapters_dir: str = ""
    """Folder in which adapters lie for the replicas; '' is a folder in `home`."""
    adapters_dir_seen_as: str = ""
    """The same folder's path on the replicas, when they see it elsewhere."""
    max_loras: int = Field(default=3, ge=2, le=64)
    """Versions that one batch may mix, in processes started here; stable, canary and one that drains
    are 3."""
    base_as_adapter: bool = False
    """Whether the base is asked through an adapter of zeros; needed where vLLM runs on CPUs."""
    probe_seconds: float = Field(default=2.0, gt=0, le=60)
    """How often each replica is asked whether it is well and what it has loaded."""
    stall_seconds: float = Field(default=60.0, gt=0, le=3600)
    """How long a replica may say nothing, asked for anything, before it counts as hung."""
    start_seconds: float = Field(default=900.0, gt=0, le=86_400)
    """How long a replica may take to start."""
    patience_seconds: float = Field(default=30.0, ge=0, le=3600)
    """How long a request that has not begun waits while no replica can be asked."""

    @field_validator("urls")
    @classmethod
    def _addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        for url in urls:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.password is not None:
                raise PydanticCustomError(
                    "vllm", "vllm.urls: {url} must be like http://host:8001, without a password", {"url": url}
                )
        if len(set(urls)) < len(urls):
            raise PydanticCustomError("vllm", "vllm.urls: an address is given twice")
        return urls

    @model_validator(mode="after")
    def _a_device_each(self) -> VllmSettings:
        if self.devices and len(self.devices) != self.replicas:
            raise PydanticCustomError(
                "vllm",
                "vllm.devices names {n} devices for vllm.replicas = {replicas}: give one for each, or none",
                {"n": len(self.devices), "replicas": self.replicas},
            )
        return self
