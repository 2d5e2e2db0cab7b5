"""POST /v1/chat/completions."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from server.api import ask as asking
from server.api import exchange
from server.api.auth import ChatSpeaker
from server.api.chat_form import ChatForm
from server.api.context import Ctx
from server.api.schemas import ChatRequest

router = APIRouter()


@router.post("/v1/chat/completions", tags=["chat"])
async def chat_completions(
    body: ChatRequest, request: Request, context: Ctx, speaker: ChatSpeaker
) -> Response:
    """Answer as OpenAI would; `adapter` and the x-livegraft headers say which version did."""
    ask = asking.read(body, context.policy, context.engine.features)
    return await exchange.answer(request, context, speaker, ask, ChatForm, body.moderation)
