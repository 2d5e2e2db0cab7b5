"""Self-edits that wait for a person, and spot checks of allowed ones: list, approve, deny, edit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from guardian.data_policy import TWO_PERSONS
from server.api import views
from server.api.auth import OperatorSpeaker, Speaker
from server.api.context import Context, Ctx
from server.api.errors import ApiError, invalid
from server.api.policy import ApiPolicy
from server.api.schemas import CorrectedExample, ReviewDecision
from server.editor.again import judge_again
from server.ledger.reviews import digest
from server.ledger.types import ReviewCounts
from server.types import EditKind, EditState, Example, SelfEdit

router = APIRouter(tags=["reviews"])

ListedState = Literal[
    "quarantined", "spot_check", "allowed", "claimed", "trained", "blocked", "memory_only", "revoked"
]
_FACT_KINDS = ("statement", "question", "rewrite", "reversed", "conversation")


@router.get("/v1/reviews")
async def list_reviews(
    context: Ctx,
    speaker: OperatorSpeaker,
    state: ListedState = "quarantined",
    reason: Annotated[str, Query(max_length=200)] = "",
    kind: EditKind | None = None,
    after: Annotated[str, Query(max_length=128)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Oldest first, each with what the guardian found. `after` is the `next` of the page before."""
    wanted = None if state == "spot_check" else EditState(state)

    def read() -> dict[str, Any]:
        found, total = context.ledger.find_reviews(wanted, reason, kind, after, limit)
        since, spots = context.ledger.quarantined_since(), set(context.ledger.open_spot_checks())
        rows = [_shown(context, row, since.get(row.id), row.id in spots) for row in found]
        return {"reviews": rows, "next": found[-1].id if len(found) == limit else None, "total": total}

    return await asyncio.to_thread(read)


@router.post("/v1/reviews/{edit_id}")
async def decide(
    edit_id: str, body: ReviewDecision, context: Ctx, speaker: OperatorSpeaker
) -> dict[str, Any]:
    """Approve: the learner may train it. Deny: it is never trained. Edit: judged again with these examples.

    The reason stands in the audit. What needs two persons goes on waiting after the first of them.
    """
    if body.decision == "edit":
        await _edit(context, edit_id, body, speaker)
    elif body.examples is not None:
        raise invalid('examples has a meaning only with decision "edit"; leave it out.', "examples")
    else:
        await context.ledger.call(_settle, context, edit_id, body, speaker)
    return await asyncio.to_thread(_after, context, edit_id)


def persons_needed(policy: ApiPolicy, edit: SelfEdit, verdicts: list[dict[str, Any]]) -> int:
    """How many different persons must agree before an edit is learned."""
    named = policy.data.sign_off.two_persons
    findings = [finding for verdict in verdicts for finding in verdict.get("findings", ())]
    two = (
        policy.two_persons
        or edit.kind in named
        or any(f["check"] in named or f.get("label") == TWO_PERSONS for f in findings)
    )
    return 2 if two else 1


def counts(found: ReviewCounts, now: float) -> dict[str, Any]:
    """The figures of the reviews, for /readyz."""
    age = None if found.oldest_at is None else max(0.0, now - found.oldest_at)
    return {
        "waiting": found.waiting,
        "oldest_seconds": age,
        "expired": found.expired,
        "spot_checks": found.spot_checks,
    }


def _settle(context: Context, edit_id: str, body: ReviewDecision, speaker: Speaker) -> None:
    ledger, approved = context.ledger, body.decision == "approve"
    before = ledger.edit(edit_id)
    _as_seen(before, body)
    if ledger.spot_check_is_open(edit_id):
        ledger.settle_spot_check(edit_id, approved, speaker.actor, body.reason)
    elif before.state is not EditState.QUARANTINED:
        raise ApiError(
            409, f"This edit does not wait for a review; it is {before.state.value}.", code="not_now"
        )
    elif not approved:
        reason = f"denied by {speaker.actor}: {body.reason}"
        ledger.set_edit_state(edit_id, EditState.BLOCKED, reason, speaker.actor)
    else:
        _approve(context, before, body.reason, speaker)


def _as_seen(edit: SelfEdit, body: ReviewDecision) -> None:
    """Nobody decides on examples that they have not seen."""
    if body.seen and body.seen != digest(edit):
        raise ApiError(
            409, "The examples were changed since you looked at them: look again.", code="changed_meanwhile"
        )


def _approve(context: Context, edit: SelfEdit, reason: str, speaker: Speaker) -> None:
    ledger, agreed = context.ledger, [speaker.actor]
    if persons_needed(context.policy, edit, ledger.verdicts(edit.id)) > 1:
        if not context.policy.keys:
            raise ApiError(
                409,
                "This needs two persons, and a server without keys cannot tell persons apart: give each of "
                "them a key ([[keys]] in livegraft.toml) and start the server again.",
                code="two_persons_needed",
            )
        before = [row.actor for row in ledger.approvals(edit.id)]
        if speaker.actor in before:
            raise ApiError(
                409,
                f"{speaker.actor!r} has approved this already; another person must agree, with another key.",
                code="same_person",
            )
        if not before:
            ledger.approve_first(edit.id, speaker.actor, reason)
            return
        agreed = [*before, *agreed]
    why = f"approved by {' and '.join(agreed)}: {reason}"
    ledger.set_edit_state(edit.id, EditState.ALLOWED, why, speaker.actor)


async def _edit(context: Context, edit_id: str, body: ReviewDecision, speaker: Speaker) -> None:
    """Judge the corrected examples, then store both, unless somebody was faster."""
    ledger = context.ledger
    before = await asyncio.to_thread(ledger.edit, edit_id)
    if before.state is not EditState.QUARANTINED:
        words = f"This edit does not wait for a review; it is {before.state.value}."
        raise ApiError(409, words, code="not_now")
    _as_seen(before, body)
    examples = _corrected(before, body.examples or [])
    turn = await asyncio.to_thread(ledger.turn, before.turn_id)
    corrected = replace(before, examples=examples)
    judged = await asyncio.to_thread(judge_again, context.guardian, ledger, corrected, turn)
    edit, verdicts = judged.edit, list(judged.verdicts)
    if edit.state is EditState.BLOCKED:
        raise invalid(
            f"The guardian blocks the corrected examples, nothing was changed: {edit.reason}",
            "examples",
            "blocked_by_guardian",
        )
    first = edit.state is EditState.ALLOWED and persons_needed(context.policy, edit, verdicts) > 1
    state = EditState.QUARANTINED if first else edit.state
    reason = edit.reason or f"edited by {speaker.actor}: {body.reason}"
    if first:
        reason += "; a second person must agree"

    def store() -> None:
        now = ledger.edit(edit_id)
        if (now.state, now.examples) != (before.state, before.examples):
            raise ApiError(409, "Somebody changed this edit meanwhile: look at it again.", code="not_now")
        ledger.rewrite_edit(edit_id, edit.examples, verdicts, state, reason, speaker.actor)
        if first and context.policy.keys:
            ledger.approve_first(edit_id, speaker.actor, body.reason)

    await ledger.call(store)


def _corrected(edit: SelfEdit, given: list[CorrectedExample]) -> tuple[Example, ...]:
    """The examples that a person wrote; the edit's own statement in front when they gave none."""
    if not given:
        raise invalid('decision "edit" needs examples: what shall be taught instead.', "examples")
    examples = tuple(Example(row.kind, row.prompt, row.completion, row.held_out) for row in given)
    kinds = [example.kind for example in examples]
    if edit.kind == "preference":
        wanted = [example.kind for example in edit.examples]
        if kinds != wanted:
            raise invalid(
                f"The examples of this preference are {', '.join(wanted)}, in this order.", "examples"
            )
        return examples
    for number, kind in enumerate(kinds):
        if kind not in _FACT_KINDS:
            raise invalid(
                f"examples[{number}].kind is {kind!r}; a fact's are {', '.join(_FACT_KINDS)}.",
                f"examples[{number}].kind",
            )
    if "statement" not in kinds:
        examples = (*(one for one in edit.examples if one.kind == "statement"), *examples)
    return examples


def _after(context: Context, edit_id: str) -> dict[str, Any]:
    """The edit as it stands now, and what is left to do."""
    ledger = context.ledger
    edit = ledger.edit(edit_id)
    shown = _shown(context, edit, ledger.quarantined_since().get(edit_id), False)
    deltas = ledger.deltas_of_edit(edit_id) if edit.state is EditState.BLOCKED else ()
    if deltas:
        shown["next"] = {
            "action": "revoke",
            "deltas": list(deltas),
            "why": "It is not trained again, but the weights that are served may know it already. To take it "
            "out of them, POST /v1/adapters/deltas/{delta_id}/revoke for each delta; that takes back every "
            "fact of the delta.",
        }
    return shown


def _shown(context: Context, edit: SelfEdit, since: float | None, spot_check: bool) -> dict[str, Any]:
    """An edit with what a reviewer needs to know beside it."""
    verdicts = context.ledger.verdicts(edit.id)
    agreed = context.ledger.approvals(edit.id) if edit.state is EditState.QUARANTINED else []
    expires = None if since is None else since + context.policy.quarantine_days * 86_400.0
    shown = views.edit(edit, verdicts)
    shown["review"] = {
        "digest": digest(edit),
        "since": since,
        "expires_at": expires,
        "spot_check": spot_check,
        "persons_needed": persons_needed(context.policy, edit, verdicts),
        "approvals": [{"actor": row.actor, "at": row.at, "reason": row.reason} for row in agreed],
        "explanations": views.explanations(shown["examples"]),
    }
    return shown
