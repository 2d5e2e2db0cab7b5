"""Who speaks: bearer keys with scopes, and who the user is."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request

from server.api.errors import ApiError
from server.api.policy import ALL_SCOPES, ApiKey, ApiPolicy, KeyScope

ANONYMOUS = "anonymous"
"""The user of a keyless server's requests that name none."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """The key that spoke, or everybody on a keyless server."""

    key_name: str
    """'' without keys."""
    scopes: frozenset[KeyScope]
    may_speak_for_others: bool

    @property
    def operator(self) -> bool:
        """Whether the speaker may see and change what is learned and served."""
        return "operator" in self.scopes

    @property
    def actor(self) -> str:
        """Who stands in the audit."""
        return self.key_name or "local"

    def user(self, *named: str | None) -> str:
        """The user: the first name given, if the speaker may speak for others, else the key's own."""
        if self.may_speak_for_others:
            for name in named:
                if name and name.strip():
                    return name.strip()
        return self.key_name or ANONYMOUS


KEYLESS = Speaker("", ALL_SCOPES, True)


def identify(policy: ApiPolicy, authorization: str) -> Speaker:
    """The speaker behind an Authorization header. Raises ApiError 401. Takes as long for every wrong key."""
    if not policy.keys:
        return KEYLESS
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise ApiError(
            401, "No API key: send it as the header `Authorization: Bearer KEY`.", code="missing_api_key"
        )
    given = sha256(secret.strip().encode()).digest()
    found: ApiKey | None = None
    for key in policy.keys:
        if hmac.compare_digest(given, sha256(key.secret.encode()).digest()):
            found = key
    if found is None:
        raise ApiError(401, "The API key is not one of this server's.", code="invalid_api_key")
    return Speaker(found.name, found.scopes, found.may_speak_for_others)


def requires(scope: KeyScope) -> Callable[[Request], Awaitable[Speaker]]:
    """A dependency that lets only speakers with the scope pass."""

    async def check(request: Request) -> Speaker:
        policy: ApiPolicy = request.app.state.context.policy
        speaker = identify(policy, request.headers.get("authorization", ""))
        if scope not in speaker.scopes:
            raise ApiError(
                403,
                f"The key {speaker.key_name!r} lacks the scope {scope!r}; its scopes: "
                f"{', '.join(sorted(speaker.scopes)) or 'none'}.",
                code="insufficient_scope",
            )
        return speaker

    return check


ChatSpeaker = Annotated[Speaker, Depends(requires("chat"))]
FeedbackSpeaker = Annotated[Speaker, Depends(requires("feedback"))]
OperatorSpeaker = Annotated[Speaker, Depends(requires("operator"))]
