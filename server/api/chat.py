"""POST /v1/chat/completions: choose a version, generate, commit the turn, only then say that it is done."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from starlette.datastructures import Headers

from server.api import ask as asking
from server.api import capture, generation
from server.api.auth import ChatSpeaker
from server.api.capture import Outcome
from server.api.context import Context, Ctx
from server.api.envelope import arrived_at
from server.api.errors import ApiError, in_words
from server.api.generation import Running
from server.api.moderation import Moderated
from server.api.moderation import asked as moderation_asked
from server.api.schemas import ChatRequest
from server.api.stream import EventStream
from server.api.wire import DONE, Frame, Said, event, token_logprobs, turn_note, usage
from server.engine.types import ContextLengthExceeded, EngineError
from server.router import Choice
from server.types import Turn, TurnState

T = TypeVar("T")
log = logging.getLogger("livegraft.api")
router = APIRouter()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One chat request under way: what was asked, who answers, and the turn that it becomes."""

    context: Context
    ask: asking.Ask
    headers: Headers
    turn: Turn
    frame: Frame
    running: Running
    moderated: Moderated | None = None
    """What the request asked of moderation; None costs nothing."""

    def response_headers(self, recorded: bool = True) -> dict[str, str]:
        """What a client may want to know without reading the body."""
        headers = {
            "x-livegraft-version": self.frame.choice.version,
            "x-livegraft-arm": self.frame.choice.arm.value,
            "x-livegraft-overhead-ms": f"{self.running.clock.added_seconds * 1000:.2f}",
        }
        return {**headers, "x-livegraft-turn": self.turn.id} if recorded else headers

    async def commit(self, answers: list[Said]) -> Outcome:
        """The turn of a whole answer, durable on return (or said not to be)."""
        turn = capture.answered(self.turn, answers[0].text, self.ask.may_store)
        if answers[0].finish_reason == "content_filter":
            turn = replace(turn, state=TurnState.NOT_LEARNED, reason="moderation withheld the answer")
        outcome = await capture.record(self.context, turn, self.headers)
        metrics = self.context.metrics
        metrics.overhead_seconds.observe(self.running.clock.added_seconds)
        metrics.tokens.labels("prompt").inc(usage(answers)["prompt_tokens"])
        metrics.tokens.labels("completion").inc(usage(answers)["completion_tokens"])
        return outcome

    def broke_off(self, answers: list[Said], reason: str, error: BaseException | None = None) -> None:
        """Record that the answer was never whole; the request does not wait for that."""
        text = answers[0].text if self.ask.may_store else ""
        blame = error is not None and generation.is_the_versions_fault(error)
        turn = capture.failed(self.turn, text, reason, blame)
        self.context.afterwards(capture.record(self.context, turn, self.headers))


@router.post("/v1/chat/completions", tags=["chat"])
async def chat_completions(
    body: ChatRequest, request: Request, context: Ctx, speaker: ChatSpeaker
) -> Response:
    """Answer as OpenAI would; `adapter` and the x-livegraft headers say which version did."""
    ask = asking.read(body, context.policy)
    user = speaker.user(body.user, body.safety_identifier)
    choice = context.control.choose(user, asking.model_suffix(body.model, context.engine.model_name))
    _turn_away_when_full(context)
    said = [message.content for message in ask.messages if message.role == "user"]
    moderated = moderation_asked(body.moderation, context.guardian.policy, said)
    if moderated is not None:
        await moderated.before()
    name = capture.new_id()
    turn = capture.new_turn(ask, speaker, user, request.headers, choice, f"turn-{name}", context.policy)
    starting = asyncio.ensure_future(_start(context, ask, request, turn, choice, name))
    exchange = await _unless_gone(request, starting)
    if exchange is None:
        context.afterwards(_record_unstarted(context, turn, request.headers))
        return Response(status_code=499)
    exchange = replace(exchange, moderated=moderated)
    if ask.stream:
        return EventStream(_events(exchange), exchange.response_headers())
    return await _whole(exchange, request)


async def _start(
    context: Context, ask: asking.Ask, request: Request, turn: Turn, choice: Choice, name: str
) -> Exchange:
    """Up to the first token: from here on the version is settled."""
    clock = generation.Clock(arrived_at(request), context.pace)
    if choice.version not in context.engine.loaded():
        await context.control.ensure(choice.version)
    fallback = generation.fallback_for(choice, context.control.refs().stable)
    versions = [choice.version, *([fallback.version] if fallback else [])]
    digests = {version: await context.digest(version) for version in versions}
    try:
        running = await generation.start(context.engine, ask, name, choice, fallback, clock)
    except ContextLengthExceeded:
        raise  # the request's own fault: nothing was asked that could be answered
    except EngineError as error:
        blame = generation.is_the_versions_fault(error)
        lost = capture.failed(turn, "", f"the engine failed: {error}", blame)
        context.afterwards(capture.record(context, lost, request.headers))
        raise
    for failed_choice, failure in running.failures:
        log.warning("canary %s failed, stable answers instead: %s", failed_choice.version, failure)
        context.metrics.canary_fallbacks.inc()
        lost = capture.failed(turn, "", f"the canary failed and stable answered: {failure}", True)
        context.afterwards(capture.record(context, replace(lost, id=f"{turn.id}-canary"), request.headers))
    settled = running.choice
    turn = replace(turn, version=settled.version, arm=settled.arm, rollout=settled.rollout)
    first_token = clock.waited_seconds + clock.added_seconds
    context.metrics.first_token_seconds.labels(settled.arm.value).observe(first_token)
    model, with_logprobs = context.engine.model_name, ask.sampling.logprobs is not None
    frame = Frame(name, model, digests[settled.version], settled, with_logprobs)
    return Exchange(context, ask, request.headers, turn, frame, running)


async def _whole(exchange: Exchange, request: Request) -> Response:
    """The answer of a request that does not stream."""
    answers = [Said() for _ in range(exchange.ask.choices)]
    collecting = asyncio.ensure_future(_collect(exchange, answers))
    try:
        collected = await _unless_gone(request, collecting)
    except EngineError as error:
        exchange.broke_off(answers, f"the engine failed: {error}", error)
        raise
    if collected is None:
        exchange.broke_off(answers, "the client went away")
        return Response(status_code=499)
    note = await exchange.moderated.after(answers) if exchange.moderated else None
    outcome = await exchange.commit(answers)
    completion = exchange.frame.completion(answers, outcome)
    if note is not None:
        completion["moderation"] = note
    body = json.dumps(completion, ensure_ascii=False).encode()
    headers = exchange.response_headers(outcome.recorded)
    return Response(body, headers=headers, media_type="application/json")


async def _collect(exchange: Exchange, answers: list[Said]) -> bool:
    async with aclosing(exchange.running.all()) as steps:
        async for index, chunk in steps:
            answers[index].add(chunk)
    return True


async def _events(exchange: Exchange) -> AsyncIterator[bytes]:
    """The answer of a request that streams. `[DONE]` is said only when the turn is on disk."""
    frame, ask = exchange.frame, exchange.ask
    head = frame.head("chat.completion.chunk")
    if ask.include_usage:
        head["usage"] = None
    answers = [Said() for _ in range(ask.choices)]
    moderated, note = exchange.moderated, None
    held = moderated is not None and moderated.block_output
    whole = False
    try:
        for index in range(ask.choices):
            yield frame.delta(head, index, {"role": "assistant", "content": ""})
        async with aclosing(exchange.running.all()) as steps:
            async for index, chunk in steps:
                answers[index].add(chunk)
                if (chunk.text or chunk.logprobs) and not held:
                    yield frame.delta(head, index, {"content": chunk.text}, token_logprobs(chunk))
        if moderated is not None:
            note = await moderated.after(answers)
        whole = True
        outcome = await exchange.commit(answers)
        head["turn"] = turn_note(outcome)
        for index, said in enumerate(answers if held else ()):
            yield frame.delta(head, index, {"content": said.text}, said.logprobs)
        for index, said in enumerate(answers):
            yield frame.delta(head, index, {}, None, said.finish_reason)
        if note is not None:
            yield event({**head, "choices": [], "moderation": note})
        if ask.include_usage:
            yield event({**head, "choices": [], "usage": usage(answers)})
        yield DONE
    except Exception as error:
        if not whole:
            exchange.broke_off(answers, f"the engine failed: {error}", error)
        log.error("%s broke off: %s", exchange.turn.id, error, exc_info=not isinstance(error, EngineError))
        yield event(in_words(error).body())
    except (asyncio.CancelledError, GeneratorExit):
        if not whole:
            exchange.broke_off(answers, "the client went away")
        raise


async def _unless_gone(request: Request, work: asyncio.Future[T]) -> T | None:
    """The result of `work`, or None when the client goes away first: then the work is cancelled."""
    gone = asyncio.ensure_future(_gone(request))
    try:
        both: list[asyncio.Future[Any]] = [work, gone]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        return None
    finally:
        gone.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait([work])


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _record_unstarted(context: Context, turn: Turn, headers: Headers) -> None:
    await capture.record(context, capture.failed(turn, "", "the client went away", False), headers)


def _turn_away_when_full(context: Context) -> None:
    waiting = context.engine.health().waiting
    if waiting >= context.policy.max_waiting > 0:
        raise ApiError(
            503,
            f"{waiting} requests wait already (engine.max_waiting); try again soon.",
            code="server_is_overloaded",
            retry=True,
            retry_after_seconds=1,
        )
