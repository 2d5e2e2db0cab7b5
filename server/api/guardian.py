"""POST /v1/guardian/check: judge examples without learning them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

from fastapi import APIRouter

from guardian import to_dict
from guardian.types import Candidate, Scope, Source, Tier, Verdict
from server.api.auth import OperatorSpeaker
from server.api.context import Ctx
from server.api.schemas import GuardianRequest
from server.editor.knowledge import Knowledge, Said

router = APIRouter(tags=["guardian"])


@router.post("/v1/guardian/check")
async def check(body: GuardianRequest, context: Ctx, speaker: OperatorSpeaker) -> dict[str, Any]:
    """The verdict on each example, as if the user had said `source` now.

    A user who is named is trusted as far as the ledger knows them; a request that names nobody is judged as
    an established user's.
    """
    now = time.time()
    said = Said(body.source, body.user, body.operator, now)
    candidates = [Candidate(example.prompt, example.completion) for example in body.examples]

    def judge() -> list[Verdict]:
        background = Knowledge(context.ledger, context.guardian.policy).of(said)
        if not body.user and not body.operator:
            background = replace(background, tier=Tier.ESTABLISHED)
        source = Source(
            body.source,
            body.user,
            background.tier,
            Scope[body.scope.upper()],
            known=background.known,
            at=now,
        )
        return context.guardian.judge_all([(candidate, source) for candidate in candidates])

    verdicts = await asyncio.to_thread(judge)
    for found in verdicts:
        context.metrics.verdicts.labels(found.decision.name.lower()).inc()
    return {"verdicts": [to_dict(found) for found in verdicts]}
