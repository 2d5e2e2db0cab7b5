"""POST /v1/guardian/check: judge examples without learning them."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from guardian import to_dict
from guardian.types import Candidate, Scope, Source, Tier
from server.api.auth import OperatorSpeaker
from server.api.context import Ctx
from server.api.schemas import GuardianRequest

router = APIRouter(tags=["guardian"])


@router.post("/v1/guardian/check")
async def check(body: GuardianRequest, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """The verdict on each example, as if the user had said `source`."""
    source = Source(
        body.source,
        body.user,
        Tier.OPERATOR if body.operator else Tier.ESTABLISHED,
        Scope[body.scope.upper()],
    )
    examples = [(Candidate(example.prompt, example.completion), source) for example in body.examples]
    verdicts = await asyncio.to_thread(context.guardian.judge_all, examples)
    for found in verdicts:
        context.metrics.verdicts.labels(found.decision.name.lower()).inc()
    return {"verdicts": [to_dict(found) for found in verdicts]}
