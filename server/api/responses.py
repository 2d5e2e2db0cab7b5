"""POST /v1/responses, without state: every request brings its whole conversation."""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from server.api import ask as asking
from server.api import exchange
from server.api.ask import Ask
from server.api.auth import ChatSpeaker
from server.api.context import Ctx
from server.api.errors import ApiError, in_words
from server.api.response_form import ResponseForm
from server.api.response_input import chat_request
from server.api.schemas_openai import ResponseRequest
from server.engine.types import RequestRefused

router = APIRouter(tags=["chat"])
NAMES = (
    ("response_format.json_schema", "text.format"),
    ("response_format", "text.format"),
    ("max_completion_tokens", "max_output_tokens"),
    (".function.", "."),
)
"""What this route calls the fields of chat, or their parts."""


@router.post("/v1/responses")
async def responses(body: ResponseRequest, request: Request, context: Ctx, speaker: ChatSpeaker) -> Response:
    """Answer as OpenAI would. `store: false` keeps and learns nothing, as in chat."""
    try:
        ask = asking.read(chat_request(body), context.policy, context.engine.features)
        form = partial(ResponseForm, echo=_echo(body, ask))
        return await exchange.answer(request, context, speaker, ask, form, body.moderation)
    except (ApiError, RequestRefused) as error:
        raise _renamed(in_words(error)) from error


def _renamed(error: ApiError) -> ApiError:
    before = error.param or ""
    for theirs, ours in NAMES:
        if theirs in (error.param or ""):
            error.param = (error.param or "").replace(theirs, ours)
    if before:
        error.message = error.message.replace(before, error.param or "")
    return error


def _echo(body: ResponseRequest, ask: Ask) -> dict[str, Any]:
    """What a response repeats of its request, with what was in force where the request said nothing."""
    return {
        "background": False,
        "instructions": body.instructions,
        "max_output_tokens": body.max_output_tokens,
        "metadata": ask.metadata,
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "previous_response_id": None,
        "prompt_cache_key": body.prompt_cache_key,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": body.safety_identifier,
        "service_tier": "default",
        "store": ask.may_store,
        "temperature": ask.sampling.temperature,
        "text": {"format": (body.text.format if body.text else None) or {"type": "text"}},
        "tool_choice": body.tool_choice or "auto",
        "tools": body.tools or [],
        "top_logprobs": ask.sampling.logprobs or 0,
        "top_p": ask.sampling.top_p,
        "truncation": "disabled",
        "user": body.user,
    }
