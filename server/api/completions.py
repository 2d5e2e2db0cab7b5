"""POST /v1/completions: raw text continued, without a chat template. Never learned: it is no conversation."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from server.api import ask as asking
from server.api import exchange
from server.api.auth import ChatSpeaker
from server.api.completion_form import CompletionForm
from server.api.context import Context, Ctx
from server.api.errors import invalid
from server.api.options import FEATURES, unsupported
from server.api.schemas_openai import CompletionRequest
from server.engine.types import Feature, Sampling
from server.types import Message

router = APIRouter()
MAX_PROMPTS = 64
DEFAULT_MAX_TOKENS = 16
"""OpenAI's own, for this route."""


@router.post("/v1/completions", tags=["chat"])
async def completions(
    body: CompletionRequest, request: Request, context: Ctx, speaker: ChatSpeaker
) -> Response:
    """Continue one text or several, each `n` times."""
    return await exchange.answer(request, context, speaker, _read(body, context), CompletionForm)


def _read(body: CompletionRequest, context: Context) -> asking.Ask:
    """The request in the server's own words. Raises ApiError 400 naming the parameter."""
    policy = context.policy
    options = _options(body, context.engine.features)
    texts = _prompts(body.prompt)
    return asking.Ask(
        messages=tuple(Message("user", text) for text in texts),
        sampling=Sampling(
            max_tokens=body.max_tokens or DEFAULT_MAX_TOKENS,
            temperature=policy.default_temperature if body.temperature is None else body.temperature,
            top_p=1.0 if body.top_p is None else body.top_p,
            seed=body.seed,
            stop=asking.read_stops(body.stop),
            logprobs=body.logprobs,
        ),
        choices=asking.read_choices(body.n, policy),
        stream=bool(body.stream),
        include_usage=asking.read_usage(body.stream, body.stream_options),
        last_role="user",
        metadata=asking.read_metadata(body.metadata or {}),
        may_store=body.store is not False,
        model=body.model,
        named=(body.user, body.safety_identifier),
        texts=texts,
        options=options,
    )


def _options(body: CompletionRequest, features: frozenset[Feature]) -> dict[str, Any]:
    if body.echo:
        raise unsupported("echo")
    if body.suffix:
        raise unsupported("suffix")
    if body.best_of is not None and body.best_of != (body.n or 1):
        raise unsupported("best_of")
    options = {}
    for name in ("logit_bias", "presence_penalty", "frequency_penalty"):
        feature, harmless = FEATURES[name]
        value = getattr(body, name)
        if value in harmless:
            continue
        if feature not in features:
            raise unsupported(name)
        options[name] = value
    return options


def _prompts(prompt: Any) -> tuple[str, ...]:
    """One string or several; tokens are refused: their numbers mean something else to every model."""
    prompts = prompt if isinstance(prompt, list) else [prompt]
    if not prompts or len(prompts) > MAX_PROMPTS:
        raise invalid(f"prompt must be a string, or 1 to {MAX_PROMPTS} strings.", "prompt")
    if any(isinstance(one, int | list) for one in prompts):
        raise invalid(
            "prompt holds token numbers; this server takes text only.", "prompt", "unsupported_content"
        )
    texts = [asking.read_text(one, "prompt") for one in prompts]
    if not all(texts):
        raise invalid("prompt is empty: there is nothing to continue.", "prompt", "empty_message")
    return tuple(texts)
