"""Every failure in OpenAI's error shape: what is wrong, what to do, and whether trying again makes sense."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from adapter_store import StoreError
from server.editor.judge import GuardianDown
from server.embedding import BadDimensions, EmbeddingError, EmbeddingsDown, InputTooLong
from server.engine.types import (
    ContextLengthExceeded,
    EngineDead,
    EngineError,
    RequestRefused,
    VersionNotLoaded,
)
from server.ledger import errors as ledger
from server.rollout import NothingToMove, OtherBase
from server.router import UnknownVersion

log = logging.getLogger("livegraft.api")

TYPES = {401: "authentication_error", 403: "permission_error", 409: "conflict_error", 429: "rate_limit_error"}
CODES = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large", 400: "invalid_request"}
VALIDATION_CODES = {
    "json_invalid": "invalid_json",
    "missing": "missing_required_parameter",
    "too_short": "empty_array",
    "extra_forbidden": "unknown_parameter",
}


class ApiError(Exception):
    """The request cannot be served."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry: bool = False,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or CODES.get(status)
        self.param = param
        self.retry = retry
        self.retry_after_seconds = retry_after_seconds

    def body(self) -> dict[str, Any]:
        """The JSON body, also sent as an event when a stream fails midway."""
        kind = TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def headers(self) -> dict[str, str]:
        """What the SDKs read to decide about a retry."""
        headers = {"x-should-retry": "true" if self.retry else "false"}
        if self.retry_after_seconds is not None:
            headers["retry-after"] = str(self.retry_after_seconds)
        if self.status == 401:
            headers["www-authenticate"] = "Bearer"
        return headers

    def response(self) -> JSONResponse:
        """The whole answer."""
        return JSONResponse(self.body(), self.status, self.headers())


def invalid(message: str, param: str | None = None, code: str = "invalid_value") -> ApiError:
    """A request that must be changed before it can be served."""
    return ApiError(400, message, code=code, param=param)


def not_found(what: str, code: str = "not_found", param: str | None = None) -> ApiError:
    """A thing that does not exist, named by the caller."""
    return ApiError(404, what, code=code, param=param)


def in_words(error: Exception) -> ApiError:
    """Any exception as the error that a client gets. What is not ours never leaks its text."""
    text = str(error) or (type(error).__doc__ or "").strip()
    match error:
        case ApiError():
            return error
        case UnknownVersion() | VersionNotLoaded():
            return ApiError(404, text, code="model_not_found", param="model")
        case ContextLengthExceeded():
            return ApiError(400, text, code="context_length_exceeded", param="messages")
        case InputTooLong():
            return ApiError(400, text, code="context_length_exceeded", param="input")
        case EmbeddingsDown():
            return ApiError(503, text, code="embeddings_unavailable", retry=True, retry_after_seconds=5)
        case BadDimensions():
            return ApiError(400, text, code="invalid_value", param="dimensions")
        case EmbeddingError():
            return ApiError(400, text, code="invalid_value", param="input")
        case RequestRefused():
            return ApiError(400, text, code="refused_by_engine", param=error.field or None)
        case EngineDead():
            return ApiError(503, text, code="engine_dead", retry=True, retry_after_seconds=5)
        case EngineError():
            return ApiError(500, text, code="engine_error", retry=True)
        case ledger.UnknownTurn() | ledger.UnknownEdit() | ledger.UnknownVersion() | ledger.UnknownDelta():
            return ApiError(404, text, code="not_found")
        case ledger.UnknownUpdate():
            return ApiError(404, text, code="not_found", param="fine_tuning_job_id")
        case ledger.UnknownUser():
            return ApiError(404, text, code="unknown_user", param="user_id")
        case ledger.BadHead():
            return ApiError(400, text, code="invalid_value", param="head")
        case ledger.ErasedVersion():
            return ApiError(410, text, code="version_erased")
        case OtherBase():
            return ApiError(409, text, code="other_base")
        case ledger.RefMoved():
            return ApiError(409, text, code="ref_moved", retry=True)
        case ledger.BadTransition() | ledger.RolloutRunning() | ledger.NoRollout():
            return ApiError(409, text, code="not_now")
        case NothingToMove():
            return ApiError(409, text, code="nothing_to_move")
        case GuardianDown():
            return ApiError(503, text, code="guardian_unavailable", retry=False)
        case ledger.LedgerError():
            return ApiError(503, text, code="ledger_unavailable", retry=True, retry_after_seconds=5)
        case StoreError():
            return ApiError(500, text, code="adapter_store_error")
        case HTTPException():
            return _http(error)
        case RequestValidationError():
            return _validation(error)
    return ApiError(
        500, "The server failed; its log has the details under this x-request-id.", code="internal_error"
    )


def install(app: FastAPI) -> None:
    """Answer every exception that a route or the routing raises in this shape."""

    async def answer(request: Request, error: Exception) -> JSONResponse:
        worded = in_words(error)
        if worded.status >= 500:
            log.error("%s %s: %s", request.method, request.url.path, worded.message)
        if isinstance(error, RequestValidationError) and _not_sent_as_json(request, error):
            worded = invalid(
                "The body must be JSON with the header content-type: application/json.", code="invalid_json"
            )
        return worded.response()

    ours = (
        ApiError,
        UnknownVersion,
        EngineError,
        EmbeddingError,
        GuardianDown,
        NothingToMove,
        OtherBase,
        ledger.LedgerError,
        StoreError,
    )
    for kind in (*ours, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer)


def _http(error: HTTPException) -> ApiError:
    messages = {
        404: "There is no such route; docs/http.md lists them.",
        405: "This route does not take that method.",
        400: "The body could not be read: it must be JSON in UTF-8.",
    }
    worded = ApiError(error.status_code, messages.get(error.status_code, str(error.detail)))
    if error.status_code == 405 and error.headers:
        worded.message += f" Allowed: {error.headers.get('allow', error.headers.get('Allow', ''))}."
    return worded


def _validation(error: RequestValidationError) -> ApiError:
    """The first problem as message and param, the number of others beside it."""
    problems = error.errors()
    first: Mapping[str, Any] = problems[0]
    param = _param(first["loc"])
    if first["type"] == "json_invalid":
        why = first.get("ctx", {}).get("error", "")
        return invalid(
            f"The body is not valid JSON: {why} at character {first['loc'][-1]}.", code="invalid_json"
        )
    if not param and first["type"] == "missing":
        return invalid("The body is empty: send a JSON object.", code="invalid_json")
    message = f"{param}: {first['msg'][:1].lower()}{first['msg'][1:]}" if param else str(first["msg"])
    if len(problems) > 1:
        message += f" (and {len(problems) - 1} more)"
    return invalid(message, param or None, VALIDATION_CODES.get(first["type"], "invalid_value"))


def _param(loc: tuple[int | str, ...]) -> str:
    """`("body", "messages", 0, "role")` → `messages[0].role`, as OpenAI writes it."""
    text = ""
    for part in loc[1:]:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _not_sent_as_json(request: Request, error: RequestValidationError) -> bool:
    kind = request.headers.get("content-type", "")
    return isinstance(error.body, bytes) and bool(error.body) and "json" not in kind
