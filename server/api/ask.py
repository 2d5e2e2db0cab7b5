"""From OpenAI's request to the few words an engine needs; what cannot be done is refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.api import options
from server.api.errors import ApiError, invalid
from server.api.policy import ApiPolicy
from server.api.schemas import ChatMessage, ChatRequest, StreamOptions
from server.api.text import is_unicode
from server.engine.types import Feature, Sampling
from server.types import Message, Role

MAX_STOPS = 4
MAX_METADATA = 16
ROLES: dict[str, Role] = {"developer": "system", "tool": "user"}
"""Roles that the model does not know, and what it sees instead."""
TEXT_PARTS = ("text", "refusal", "input_text", "output_text")
OTHER_PARTS = ("image_url", "input_image", "input_audio", "file", "input_file", "video_url")


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
    model: str
    """The model id as the client said it."""
    named: tuple[str | None, ...] = ()
    """Who the client says the user is, the first that is given counts."""
    texts: tuple[str, ...] = ()
    """Raw prompts to be continued, each by `choices` answers, in place of messages."""
    history: tuple[Mapping[str, Any], ...] = ()
    """The messages in OpenAI's form, where they hold calls of tools and the engine can read them."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the engine is told beyond the sampling: tools, formats, penalties."""

    @property
    def answers(self) -> int:
        """How many answers are generated."""
        return self.choices * max(1, len(self.texts))


def read(request: ChatRequest, policy: ApiPolicy, features: frozenset[Feature] = frozenset()) -> Ask:
    """The request in the server's own words. Raises ApiError 400 naming the parameter."""
    wanted = options.read(request, features)
    messages = read_messages(request.messages)
    texts = [message.content for message in messages]
    return Ask(
        messages=messages,
        sampling=_sampling(request, policy),
        choices=read_choices(request.n, policy),
        stream=bool(request.stream),
        include_usage=read_usage(request.stream, request.stream_options),
        last_role=request.messages[-1].role,
        metadata=read_metadata(request.metadata or {}),
        may_store=request.store is not False,
        model=request.model,
        named=(request.user, request.safety_identifier),
        history=options.history(request.messages, texts) if "tools" in features else (),
        options=wanted,
    )


def read_usage(stream: bool | None, asked: StreamOptions | None) -> bool:
    """Whether a stream ends in its usage. Raises ApiError 400."""
    if asked is not None and not stream:
        raise invalid("stream_options is allowed only together with stream: true.", "stream_options")
    return asked is not None and asked.include_usage


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
    text = read_text(message.content, f"{where}.content")
    if message.role == "user" and not text.strip():
        raise invalid(
            f"{where}.content is empty: a user message needs text.", f"{where}.content", "empty_message"
        )
    return Message(ROLES.get(message.role, message.role), text)  # type: ignore[arg-type]  # roles are checked


def read_text(content: Any, where: str) -> str:
    """The text of a string, of text parts, or of nothing. Raises ApiError 400 for anything else."""
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(_part(part, f"{where}[{n}]") for n, part in enumerate(content))
    if not isinstance(content, str):
        raise invalid(f"{where} must be a string or a list of text parts.", where, "invalid_type")
    if not is_unicode(content):
        raise invalid(f"{where} holds half of a surrogate pair, which is no character.", where)
    return content


def _part(part: Any, where: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    text = part.get("refusal" if kind == "refusal" else "text") if kind in TEXT_PARTS else None
    if isinstance(text, str):
        return read_text(text, where)
    if kind in OTHER_PARTS:
        raise invalid(
            f"{where} is of type {kind!r}: this server's models read text only.", where, "unsupported_content"
        )
    raise invalid(f"{where} must be a part like {{'type': 'text', 'text': '…'}}.", where, "invalid_type")


def _sampling(request: ChatRequest, policy: ApiPolicy) -> Sampling:
    if request.top_logprobs is not None and not request.logprobs:
        raise invalid("top_logprobs needs logprobs: true.", "top_logprobs")
    temperature = request.temperature if request.temperature is not None else policy.default_temperature
    return Sampling(
        max_tokens=request.max_completion_tokens or request.max_tokens or policy.default_max_tokens,
        temperature=temperature,
        top_p=request.top_p if request.top_p is not None else 1.0,
        seed=request.seed,
        stop=read_stops(request.stop),
        logprobs=(request.top_logprobs or 0) if request.logprobs else None,
    )


def read_stops(stop: str | list[str] | None) -> tuple[str, ...]:
    """At most four, none empty. Raises ApiError 400."""
    stops = (stop,) if isinstance(stop, str) else tuple(stop or ())
    if len(stops) > MAX_STOPS:
        raise invalid(f"stop has {len(stops)} strings; at most {MAX_STOPS} are allowed.", "stop")
    if not all(stops):
        raise invalid("stop holds an empty string, which would stop every answer at once.", "stop")
    return stops


def read_choices(n: int | None, policy: ApiPolicy) -> int:
    """How many answers to one prompt. Raises ApiError 400 above the limit."""
    choices = n or 1
    if choices > policy.max_choices:
        raise invalid(f"n is {choices}; at most {policy.max_choices} answers can be asked for.", "n")
    return choices


def read_metadata(metadata: dict[str, Any]) -> dict[str, str]:
    """OpenAI's limits kept: 16 pairs, keys up to 64 characters, texts up to 512. Raises ApiError 400."""
    if len(metadata) > MAX_METADATA:
        raise invalid(f"metadata has {len(metadata)} pairs; at most {MAX_METADATA} are allowed.", "metadata")
    for key, value in metadata.items():
        if not isinstance(value, str) or len(key) > 64 or len(value) > 512 or not is_unicode(key + value):
            raise invalid(
                f"metadata.{key[:64]}: keys are strings up to 64 characters, values up to 512.", "metadata"
            )
    return metadata
