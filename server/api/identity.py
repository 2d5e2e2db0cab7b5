"""Who the user of a request is: a signed token, a trusted header, the request's own word, or the key.

Open WebUI sends `X-OpenWebUI-User-Id` or, with a secret, a signed token in `X-OpenWebUI-User-Jwt`; LibreChat
sends `user`, and fills `{{LIBRECHAT_USER_ID}}` into headers that its operator names. Neither header counts
unless the settings say so: anybody can write one.
"""

from __future__ import annotations

import jwt
from starlette.datastructures import Headers

from server.api.auth import Speaker
from server.api.errors import ApiError
from server.api.policy import IdentityPolicy

LEEWAY_SECONDS = 30
MAX_NAME = 256


def user(policy: IdentityPolicy, speaker: Speaker, headers: Headers, named: tuple[str | None, ...]) -> str:
    """The user's name. Raises ApiError 401 for a token that proves nothing.

    A token speaks for any key: it is its own proof. A header and the request's own word count from keys that
    may speak for others only.
    """
    if policy.token_key:
        proved = _proved(policy, headers.get(policy.token_header, ""))
        if proved:
            return proved
        if policy.token_required and speaker.may_speak_for_others:
            raise _refused(policy, "is missing; identity.token_required is set")
    trusted = tuple(filled_in(headers.get(name, ""))[:MAX_NAME] for name in policy.user_headers)
    return speaker.user(*trusted, *named)


def filled_in(header: str) -> str:
    """A header's value; '' for the placeholder or null of a front-end that had nothing to put there."""
    empty = header.startswith("{{") or header.strip().lower() in ("none", "null", "undefined")
    return "" if empty else header.strip()


def _proved(policy: IdentityPolicy, header: str) -> str:
    """Who the token names; '' without a token."""
    token = filled_in(header)
    if token[:7].lower() == "bearer ":
        token = token[7:].strip()
    if not token:
        return ""
    try:
        claims = jwt.decode(
            token,
            policy.token_key,
            algorithms=list(policy.token_algorithms),
            issuer=policy.token_issuer or None,
            audience=policy.token_audience or None,
            leeway=LEEWAY_SECONDS,
            options={"require": ["exp"], "verify_aud": bool(policy.token_audience)},
        )
    except jwt.PyJWTError as error:
        raise _refused(policy, f"is not valid: {error}") from error
    name = claims.get(policy.token_claim)
    if not isinstance(name, str) or not name.strip():
        raise _refused(policy, f"has no claim {policy.token_claim!r} that names the user")
    return name.strip()[:MAX_NAME]


def _refused(policy: IdentityPolicy, why: str) -> ApiError:
    return ApiError(
        401, f"The identity token in the header {policy.token_header} {why}.", code="invalid_identity_token"
    )
