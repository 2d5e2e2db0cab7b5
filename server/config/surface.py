"""Settings of the HTTP surface: who is believed about the user, and what embeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

from server.api.policy import IdentityPolicy
from server.config.group import Group, from_commas


class IdentitySettings(Group):
    """What besides keys is believed about who the user is."""

    user_headers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(from_commas)] = ()
    """Headers that name the user, the first that is filled counts, separated by commas; for Open WebUI
    `X-OpenWebUI-User-Id`. Believed from keys that may speak for others, and without keys."""
    token_header: str = Field(default="X-OpenWebUI-User-Jwt", min_length=1)
    """Header with a signed token (JWT) that names the user; believed from every key once it is verified."""
    token_secret: SecretStr = SecretStr("")
    """The secret that the tokens are signed with (HS256), at least 32 characters; '' reads no such tokens.
    Open WebUI's FORWARD_USER_INFO_HEADER_JWT_SECRET. Never a flag: flags are visible to every process."""
    token_public_key_file: str = ""
    """File with the public key (PEM) of tokens signed with RS256, ES256 or EdDSA; '' reads no such tokens."""
    token_issuer: str = "open-webui"
    """What a token's `iss` must be; '' takes any."""
    token_audience: str = ""
    """What a token's `aud` must be; '' takes any."""
    token_claim: str = Field(default="sub", min_length=1)
    """The claim that is the user's name."""
    token_required: bool = False
    """Whether keys that may speak for others must bring a token with every request."""

    @model_validator(mode="after")
    def _one_strong_key(self) -> IdentitySettings:
        secret = self.token_secret.get_secret_value()
        if secret and self.token_public_key_file:
            raise _identity("token_secret and identity.token_public_key_file exclude each other")
        if secret and len(secret) < 32:
            raise _identity("token_secret must have at least 32 characters (RFC 7518, section 3.2)")
        if self.token_required and not (secret or self.token_public_key_file):
            raise _identity("token_required needs identity.token_secret or identity.token_public_key_file")
        self.policy()
        return self

    def policy(self) -> IdentityPolicy:
        """The HTTP layer's own words for these settings. Reads the key file."""
        key = self.token_secret.get_secret_value()
        algorithms: tuple[str, ...] = ("HS256",)
        if self.token_public_key_file:
            key, algorithms = _public_key(self.token_public_key_file), ("RS256", "ES256", "EdDSA")
        return IdentityPolicy(
            user_headers=self.user_headers,
            token_header=self.token_header,
            token_key=key,
            token_algorithms=algorithms,
            token_issuer=self.token_issuer,
            token_audience=self.token_audience,
            token_claim=self.token_claim,
            token_required=self.token_required,
        )


class EmbeddingsSettings(Group):
    """What answers POST /v1/embeddings."""

    model_dir: str = ""
    """Folder of a local sentence-transformers model; '' is the packaged all-MiniLM-L6-v2."""
    base_url: str = ""
    """Where another server's OpenAI-compatible API starts, such as `http://embed:8001/v1`; '' embeds here."""
    model: str = ""
    """The model's name there; needed with `base_url`."""
    key_env: str = ""
    """The environment variable that holds that server's API key; '' sends none."""
    timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """How long that server may take."""

    @model_validator(mode="after")
    def _one_place(self) -> EmbeddingsSettings:
        if bool(self.base_url) != bool(self.model):
            raise PydanticCustomError("embeddings", "embeddings.base_url and embeddings.model go together")
        if self.base_url and self.model_dir:
            raise PydanticCustomError(
                "embeddings", "embeddings.base_url and embeddings.model_dir exclude each other"
            )
        return self


def _identity(why: str) -> PydanticCustomError:
    return PydanticCustomError("identity", "identity.{why}", {"why": why})


def _public_key(path: str) -> str:
    try:
        text = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise _identity(f"token_public_key_file = {path!r} cannot be read: {error}") from error
    if "PUBLIC KEY" not in text:
        raise _identity(f"token_public_key_file = {path!r} holds no public key in PEM form")
    return text
