"""From OpenAI's request to the few words an engine needs; what cannot be done is refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from server.api.errors import ApiError, invalid
from server.api.policy import ApiPolicy
from server.api.schemas import ChatMessage, ChatRequest
from server.engine.types import Sampling
from server.types import Message, Role

MAX_STOPS = 4
MAX_METADATA = 16
ROLES: dict[str, Role] = {"developer": "system", "tool": "user"}
"""Roles that the model does not know, and what it sees instead."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a chat request asks for, checked."""

    messages: tuple[Message, ...]
    sampling: Sampling
    choices: int
    stream: bool
    include_usage: bool
    last_role: str
    """As the client said it: only a turn whose last message is the user's teaches."""
    metadata: dict[str, str]
    may_store: bool
    """False when the client said `store: false`."""


def read(request: ChatRequest, policy: ApiPolicy) -> Ask:
    """The request in the server's own words. Raises ApiError 400 naming the parameter."""
    _refuse_what_would_be_ignored(request)
    if request.stream_options is not None and not request.stream:
        raise invalid("stream_options is allowed only together with stream: true.", "stream_options")
    return Ask(
        messages=read_messages(request.messages),
        sampling=_sampling(request, policy),
        choices=_choices(request, policy),
        stream=bool(request.stream),
        include_usage=request.stream_options is not None and request.stream_options.include_usage,
        last_role=request.messages[-1].role,
        metadata=_metadata(request.metadata or {}),
        may_store=request.store is not False,
    )


def read_messages(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """The conversation as the model sees it. Raises ApiError 400 for what is empty or not text."""
    return tuple(_message(message, f"messages[{n}]") for n, message in enumerate(messages))


def model_suffix(model: str, served: str) -> str | None:
    """What follows `@` in the model id; None for the routed id. Raises ApiError 404 for another model."""
    if model == served:
        return None
    if model.startswith(f"{served}@") and len(model) > len(served) + 1:
        return model[len(served) + 1 :]
    raise ApiError(
        404,
        f"The model {model!r} does not exist; this server serves {served!r} (see GET /v1/models).",
        code="model_not_found",
        param="model",
    )


def _message(message: ChatMessage, where: str) -> Message:
    text = _text(message.content, f"{where}.content")
    if message.role == "user" and not text.strip():
        raise invalid(
            f"{where}.content is empty: a user message needs text.", f"{where}.content", "empty_message"
        )
    return Message(ROLES.get(message.role, message.role), text)  # type: ignore[arg-type]  # roles are checked


def _text(content: Any, where: str) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(_part(part, f"{where}[{n}]") for n, part in enumerate(content))
    if not isinstance(content, str):
        raise invalid(f"{where} must be a string or a list of text parts.", where, "invalid_type")
    if not _is_unicode(content):
        raise invalid(f"{where} holds half of a surrogate pair, which is no character.", where)
    return content


def _part(part: Any, where: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind in ("text", "refusal") and isinstance(part.get(kind), str):
        return _text(part[kind], where)
    if kind in ("image_url", "input_audio", "file", "video_url"):
        raise invalid(
            f"{where} is of type {kind!r}: this server's models read text only.", where, "unsupported_content"
        )
    raise invalid(f"{where} must be a part like {{'type': 'text', 'text': '…'}}.", where, "invalid_type")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _sampling(request: ChatRequest, policy: ApiPolicy) -> Sampling:
    if request.top_logprobs is not None and not request.logprobs:
        raise invalid("top_logprobs needs logprobs: true.", "top_logprobs")
    temperature = request.temperature if request.temperature is not None else policy.default_temperature
    return Sampling(
        max_tokens=request.max_completion_tokens or request.max_tokens or policy.default_max_tokens,
        temperature=temperature,
        top_p=request.top_p if request.top_p is not None else 1.0,
        seed=request.seed,
        stop=_stops(request.stop),
        logprobs=(request.top_logprobs or 0) if request.logprobs else None,
    )


def _stops(stop: str | list[str] | None) -> tuple[str, ...]:
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(stops) > MAX_STOPS:
        raise invalid(f"stop has {len(stops)} strings; at most {MAX_STOPS} are allowed.", "stop")
    if not all(stops):
        raise invalid("stop holds an empty string, which would stop every answer at once.", "stop")
    return stops


def _choices(request: ChatRequest, policy: ApiPolicy) -> int:
    choices = request.n or 1
    if choices > policy.max_choices:
        raise invalid(f"n is {choices}; at most {policy.max_choices} answers can be asked for.", "n")
    return choices


def _metadata(metadata: dict[str, Any]) -> dict[str, str]:
    if len(metadata) > MAX_METADATA:
        raise invalid(f"metadata has {len(metadata)} pairs; at most {MAX_METADATA} are allowed.", "metadata")
    for key, value in metadata.items():
        if not isinstance(value, str) or len(key) > 64 or len(value) > 512:
            raise invalid(
                f"metadata.{key[:64]}: keys are strings up to 64 characters, values up to 512.", "metadata"
            )
    return metadata


def _refuse_what_would_be_ignored(request: ChatRequest) -> None:
    for name in _unsupported(request):
        raise ApiError(
            400,
            f"{name} is not supported by this server, and ignoring it would change what the answer means; "
            "leave it out.",
            code="unsupported_parameter",
            param=name,
        )


def _unsupported(request: ChatRequest) -> Iterator[str]:
    harmless: dict[str, tuple[Any, ...]] = {
        "tools": (None, []),
        "tool_choice": (None, "none", "auto"),
        "functions": (None, []),
        "function_call": (None, "none", "auto"),
        "response_format": (None, {"type": "text"}),
        "modalities": (None, ["text"]),
        "audio": (None,),
        "web_search_options": (None,),
        "logit_bias": (None, {}),
        "presence_penalty": (None, 0),
        "frequency_penalty": (None, 0),
    }
    for name, allowed in harmless.items():
        if getattr(request, name) not in allowed:
            yield name
