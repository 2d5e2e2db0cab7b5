"""POST /v1/moderations, and the `moderation` object on chat answers, in OpenAI's shapes.

Scores come from the guardian's toxicity scorer, in a thread of this process and only when a request asks for
them: chat that does not ask does not wait.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter

from guardian import VERSION, CheckUnavailable, Policy
from guardian.moderation import CATEGORIES, Moderation, shared
from server.api.auth import ChatSpeaker
from server.api.context import Ctx
from server.api.errors import ApiError, invalid
from server.api.schemas import ModerationAsked, ModerationRequest
from server.api.wire import Said

log = logging.getLogger("livegraft.api")
router = APIRouter(tags=["guardian"])
MAX_CHARS = 100_000
"""Longest text that is moderated."""
MAX_INPUTS = 256


@router.post("/v1/moderations")
async def moderations(body: ModerationRequest, context: Ctx, speaker: ChatSpeaker) -> dict[str, Any]:
    """Scores by category. Whatever `model` is asked for, the answer names what scored."""
    texts = _inputs(body.input)
    try:
        model, results = await _scored(context.guardian.policy, texts)
    except CheckUnavailable as error:
        raise _unavailable(error) from error
    return {
        "id": f"modr-{uuid.uuid4().hex}",
        "model": model,
        "results": [_result(result) for result in results],
    }


@dataclass(slots=True)
class Moderated:
    """The moderation that one chat request asked for."""

    policy: Policy
    block_input: bool
    block_output: bool
    inputs: list[str]
    """What users said in the request, one text a message."""
    _input: dict[str, Any] = field(default_factory=dict)

    async def before(self) -> None:
        """Look at the input before anything is generated, if anything may be blocked. Raises ApiError."""
        if not (self.block_input or self.block_output):
            return
        self._input = await self._part(self.inputs)
        if self._input["type"] == "error":
            raise _unavailable(self._input["message"])
        if self.block_input and any(result["flagged"] for result in self._input["results"]):
            raise ApiError(
                400,
                "The request was flagged and moderation.policy.input.mode is 'block': nothing was generated.",
                code="moderation_blocked",
                param="messages",
            )

    async def after(self, answers: Sequence[Said]) -> dict[str, Any]:
        """The `moderation` object. Answers that are flagged, or cannot be looked at, are emptied where the
        request says block."""
        if not self._input:
            self._input = await self._part(self.inputs)
        output = await self._part([said.text for said in answers])
        if self.block_output:
            for index, said in enumerate(answers):
                if output["type"] == "error" or output["results"][index]["flagged"]:
                    said.withhold()
        return {"input": self._input, "output": output}

    async def _part(self, texts: list[str]) -> dict[str, Any]:
        """Results, or why there are none: a moderation that fails is no reason to lose an answer."""
        try:
            for text in texts:
                _check_length(text, "messages")
            model, results = await _scored(self.policy, texts)
        except ApiError as error:
            return {"type": "error", "code": "input_too_long", "message": error.message}
        except Exception as error:  # whatever keeps the scorer from its work must not lose the answer
            log.warning("moderation failed: %s", error, exc_info=not isinstance(error, CheckUnavailable))
            message = str(error) if isinstance(error, CheckUnavailable) else "The scorer failed; see the log."
            return {"type": "error", "code": "guardian_unavailable", "message": message}
        described = [{"type": "moderation_result", "model": model, **_result(result)} for result in results]
        return {"type": "moderation_results", "model": model, "results": described}


def asked(request: ModerationAsked | None, policy: Policy, inputs: list[str]) -> Moderated | None:
    """What a chat request asks of moderation, None when nothing."""
    if request is None:
        return None
    wanted = request.policy
    return Moderated(
        policy,
        bool(wanted and wanted.input and wanted.input.mode == "block"),
        bool(wanted and wanted.output and wanted.output.mode == "block"),
        inputs,
    )


async def _scored(policy: Policy, texts: list[str]) -> tuple[str, list[Moderation]]:
    def work() -> tuple[str, list[Moderation]]:
        moderator = shared(policy)
        return f"livegraft-guardian-{VERSION}+{moderator.backend}", moderator(texts)

    return await asyncio.to_thread(work)


def _result(found: Moderation) -> dict[str, Any]:
    return {
        "flagged": found.flagged,
        "categories": found.categories,
        "category_scores": dict(found.scores),
        "category_applied_input_types": {
            name: ["text"] if name in found.judged else [] for name in CATEGORIES
        },
    }


def _inputs(given: str | list[Any]) -> list[str]:
    """The texts to score: each of a list of strings, or all text parts together, as OpenAI reads it."""
    if isinstance(given, str):
        texts = [given]
    elif not given:
        raise invalid("input is an empty list; give a string, strings or text parts.", "input", "empty_array")
    elif len(given) > MAX_INPUTS:
        raise invalid(f"input has {len(given)} items; at most {MAX_INPUTS} are scored at once.", "input")
    elif all(isinstance(item, str) for item in given):
        texts = list(given)
    else:
        texts = ["\n".join(_part_text(part, f"input[{n}]") for n, part in enumerate(given))]
    for text in texts:
        _check_length(text, "input")
    return texts


def _part_text(part: Any, where: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "image_url":
        raise invalid(f"{where} is an image: the guardian reads text only.", where, "unsupported_content")
    if kind != "text" or not isinstance(part.get("text"), str):
        raise invalid(f"{where} must be {{'type': 'text', 'text': '…'}}.", where, "invalid_type")
    return str(part["text"])


def _check_length(text: str, where: str) -> None:
    if len(text) > MAX_CHARS:
        raise invalid(
            f"{where}: a text of {len(text):,} characters; at most {MAX_CHARS:,} are moderated.", where
        )


def _unavailable(error: object) -> ApiError:
    return ApiError(503, f"The guardian cannot moderate: {error}", code="guardian_unavailable")
