"""From an answered request to a turn in the ledger; what must not be learned is marked, with why."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from starlette.datastructures import Headers

from guardian.data_policy import DataPolicy
from server.api.ask import Ask
from server.api.auth import Speaker
from server.api.context import Context
from server.api.identity import filled_in
from server.api.policy import ApiPolicy
from server.crash import crash_point
from server.editor.extract import why_nothing
from server.ledger.errors import LedgerError
from server.ledger.signals import HIDDEN
from server.router import Choice
from server.types import Message, Turn, TurnState

log = logging.getLogger("livegraft.api")

TASK_HEADER = "x-livegraft-task"
KEYED = "turn-i"
"""How the id of a turn begins that an idempotency key named; others are hexadecimal."""
FRONT_END_HEADER = "x-livegraft-front-end"
CHAT_HEADERS = ("x-openwebui-chat-id", "x-conversation-id")
"""Open WebUI's own, and the one that LibreChat's manual fills with {{LIBRECHAT_BODY_CONVERSATIONID}}."""
IDEMPOTENCY_HEADER = "idempotency-key"
HIDDEN_PROMPTS = re.compile(
    r"\s*(?:"
    r"###\s*Task:"  # Open WebUI: titles, tags, follow-ups, queries, retrieved context, summaries
    r"|Your task is to reflect the speaker's likely facial expression"  # Open WebUI: emoji of a voice call
    r"|You have been provided with a set of responses from various models"  # Open WebUI: mixture of answers
    r"|(?:Please generate|Provide|Write) a concise,? (?:5-word-or-less )?title"  # LibreChat
    r"|Analyze this conversation and provide:"  # LibreChat, structured
    r"|Create a concise, 3-5 word (?:phrase|title)"  # Open WebUI before 0.5
    r")",
    re.IGNORECASE,
)
HIDDEN_SYSTEM = re.compile(
    r"\s*Available Tools:.*Your task is to choose and return the correct tool",  # Open WebUI: picking tools
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a turn: whether it is in the ledger, and whether it may teach."""

    turn: Turn
    recorded: bool
    reason: str = ""
    """Why it was not recorded."""


def new_turn(
    ask: Ask,
    speaker: Speaker,
    user: str,
    conversation: str,
    headers: Headers,
    choice: Choice,
    policy: ApiPolicy,
) -> Turn:
    """The turn before its answer is known: who asked what of which version, and whether that may teach."""
    reason = "" if policy.learning_enabled else "learning is switched off"
    reason = reason or why_not_learned(ask, headers)
    reason = reason or why_not_by_policy(policy.data, ask, headers, user, speaker.key_name)
    sent = request_hash(user, ask.messages)
    turn = Turn(
        id=f"turn-{_name(speaker, sent, headers)}",
        created_at=time.time(),
        user=user,
        key_name=speaker.key_name,
        operator=speaker.operator,
        conversation=conversation,
        messages=ask.messages,
        answer="",
        version=choice.version,
        arm=choice.arm,
        rollout=choice.rollout,
        chance=choice.chance,
        state=TurnState.NOT_LEARNED if reason else TurnState.LEARNABLE,
        reason=reason,
        request_hash=sent,
    )
    return turn if ask.may_store else replace(turn, messages=(), request_hash="")


def why_not_learned(ask: Ask, headers: Headers) -> str:
    """Why a request must not teach, '' when it may. Unsure means not: a front-end's prompt is no fact."""
    if not ask.may_store:
        return "store: false"
    if ask.texts:
        return "a raw completion is no conversation"
    if ask.options.keys() & {"response_format", "tool_choice"}:
        return "the answer was held to a form (response_format, tool_choice): that is a program's question"
    task = ask.metadata.get("task") or filled_in(headers.get(TASK_HEADER, ""))
    if task:
        return f"{HIDDEN}: {task[:64]}"
    if ask.last_role != "user":
        return f"the last message is of role {ask.last_role}, not the user's"
    system = next((m.content for m in ask.messages if m.role == "system"), "")
    if HIDDEN_PROMPTS.match(ask.messages[-1].content) or HIDDEN_SYSTEM.match(system):
        return f"{HIDDEN}: it looks like a title, tag or follow-up prompt"
    return ""


def why_not_by_policy(policy: DataPolicy, ask: Ask, headers: Headers, user: str, key: str) -> str:
    """Why the operator's data policy lets nobody learn from a request, '' when it does."""
    front_end = named_front_end(ask, headers)
    return policy.sources.why_not(user=user, key=key, front_end=front_end) or policy.consent.why_not(
        user, ask.metadata.get("learn")
    )


def named_front_end(ask: Ask, headers: Headers) -> str:
    """What the request says of the program that sent it, '' when it says nothing."""
    named = ask.metadata.get("front_end") or filled_in(headers.get(FRONT_END_HEADER, ""))
    open_webui = any(name.startswith("x-openwebui-") for name in headers)
    return named.strip().lower()[:64] or ("openwebui" if open_webui else "")


def answered(turn: Turn, answer: str, may_store: bool, called_tools: bool = False) -> Turn:
    """The turn with its answer. One that calls tools is not yet the answer."""
    if turn.state is TurnState.LEARNABLE and (called_tools or not answer.strip()):
        reason = "the answer was a call of tools" if called_tools else "the answer was empty"
        turn = replace(turn, state=TurnState.NOT_LEARNED, reason=reason)
    return replace(turn, answer=answer if may_store else "")


def failed(turn: Turn, answer: str, reason: str, counts_against_version: bool) -> Turn:
    """The turn of an answer that broke off.

    A client that went away or an engine that died as a whole says nothing about the version that answered, so
    such a turn is not part of the rollout. Its id is its own where an idempotency key gave it one: the retry
    takes that.
    """
    return replace(
        turn,
        id=f"{turn.id}-failed-{new_id()[:8]}" if turn.id.startswith(KEYED) else turn.id,
        answer=answer,
        state=TurnState.FAILED,
        reason=reason,
        rollout=turn.rollout if counts_against_version else None,
    )


async def record(context: Context, turn: Turn, headers: Headers) -> Outcome:
    """Commit the turn, durably, with its edit job. Chat fails open: no answer waits for a broken ledger.

    The answer then says that the turn was not recorded; it is never learned, and the failure is counted.
    """
    window = context.policy.duplicate_window_seconds
    since = 0.0 if _is_retry(headers) else time.time() - window
    learn = turn.state is TurnState.LEARNABLE
    crash_point("turn.before_commit")
    try:
        nothing = why_nothing(turn.prompt) if learn else None
        stored: Turn = await context.ledger.call(context.ledger.add_turn, turn, learn, since, nothing)
    except LedgerError as error:
        log.error("turn %s could not be recorded and will not be learned: %s", turn.id, error)
        context.metrics.turns_unrecorded.inc()
        return Outcome(turn, False, str(error))
    crash_point("turn.after_commit")
    context.metrics.turns.labels(stored.state.value, stored.arm.value).inc()
    return Outcome(stored, True)


def conversation(ask: Ask, user: str, headers: Headers) -> str:
    """The front-end's id of the conversation, else a digest of who began it with which words."""
    for name in CHAT_HEADERS:
        named = filled_in(headers.get(name, ""))
        if named:
            return named[:256]
    if ask.metadata.get("conversation_id"):
        return ask.metadata["conversation_id"]
    first = next((m.content for m in ask.messages if m.role == "user"), "")
    return sha256(json.dumps([user, first]).encode()).hexdigest()[:32]


def request_hash(user: str, messages: Sequence[Message]) -> str:
    """A retry is recognised by it: the same user sending the same messages."""
    return sha256(json.dumps([user, [[m.role, m.content] for m in messages]]).encode()).hexdigest()


def new_id() -> str:
    """A name that was never given before."""
    return uuid.uuid4().hex


def _name(speaker: Speaker, sent: str, headers: Headers) -> str:
    """What a turn and its completion are named by.

    The same request under the same idempotency key has the same name: it is one turn, however often it comes.
    """
    key = headers.get(IDEMPOTENCY_HEADER, "")
    if not key:
        return new_id()
    return "i" + sha256(json.dumps([speaker.key_name, key, sent]).encode()).hexdigest()[:31]


def turn_id(name: str) -> str:
    """A turn's id from its own or its answer's (`chatcmpl-…`), the only one some clients keep."""
    for prefix in ("chatcmpl-", "cmpl-", "resp_"):
        if name.startswith(prefix):
            return f"turn-{name.removeprefix(prefix)}"
    return name


def _is_retry(headers: Headers) -> bool:
    count = headers.get("x-stainless-retry-count", "0")
    return count.isdigit() and int(count) > 0
