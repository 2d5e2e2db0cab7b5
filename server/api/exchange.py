"""One answer, whatever route asked: choose a version, generate, commit the turn, only then say it is done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from fastapi import Request, Response
from starlette.datastructures import Headers

from server.api import capture, generation, identity
from server.api.ask import Ask, model_suffix
from server.api.auth import Speaker
from server.api.capture import Outcome
from server.api.context import Context
from server.api.envelope import arrived_at
from server.api.errors import ApiError, in_words
from server.api.generation import Running
from server.api.moderation import Moderated
from server.api.moderation import asked as moderation_asked
from server.api.schemas import ModerationAsked
from server.api.stream import EventStream
from server.api.wire import Form, Origin, Said, compact, usage
from server.engine.types import ContextLengthExceeded, EngineError, RequestRefused
from server.router import Choice
from server.types import Turn, TurnState

T = TypeVar("T")
log = logging.getLogger("livegraft.api")
MakeForm = Callable[[Origin, Ask], Form]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request under way: what was asked, who answers, how it is written, and the turn it becomes."""

    context: Context
    ask: Ask
    headers: Headers
    turn: Turn
    form: Form
    running: Running
    moderated: Moderated | None = None
    """What the request asked of moderation; None costs nothing."""

    def response_headers(self, recorded: bool = True) -> dict[str, str]:
        """What a client may want to know without reading the body."""
        headers = {
            "x-livegraft-version": self.turn.version,
            "x-livegraft-arm": self.turn.arm.value,
            "x-livegraft-overhead-ms": f"{self.running.clock.added_seconds * 1000:.2f}",
        }
        return {**headers, "x-livegraft-turn": self.turn.id} if recorded else headers

    async def commit(self, answers: list[Said]) -> Outcome:
        """The turn of a whole answer, durable on return (or said not to be)."""
        said = answers[0]
        turn = capture.answered(self.turn, said.text, self.ask.may_store, bool(said.tool_calls))
        if said.finish_reason == "content_filter":
            turn = replace(turn, state=TurnState.NOT_LEARNED, reason="moderation withheld the answer")
        outcome = await capture.record(self.context, turn, self.headers)
        metrics, used = self.context.metrics, usage(answers, self.ask.choices)
        metrics.overhead_seconds.observe(self.running.clock.added_seconds)
        metrics.tokens.labels("prompt").inc(used["prompt_tokens"])
        metrics.tokens.labels("completion").inc(used["completion_tokens"])
        return outcome

    def broke_off(self, answers: list[Said], reason: str, error: BaseException | None = None) -> None:
        """Record that the answer was never whole; the request does not wait for that."""
        text = answers[0].text if self.ask.may_store else ""
        blame = error is not None and generation.is_the_versions_fault(error)
        turn = capture.failed(self.turn, text, reason, blame)
        self.context.afterwards(capture.record(self.context, turn, self.headers))


async def answer(
    request: Request,
    context: Context,
    speaker: Speaker,
    ask: Ask,
    make_form: MakeForm,
    moderation: ModerationAsked | None = None,
) -> Response:
    """The whole way of one request. Raises what `in_words` can put in words."""
    user = identity.user(context.policy.identity, speaker, request.headers, ask.named)
    suffix = model_suffix(ask.model, context.engine.model_name)
    conversation = capture.conversation(ask, user, request.headers)
    choice = context.control.choose(user, suffix, conversation)
    _turn_away_when_full(context)
    said = [message.content for message in ask.messages if message.role == "user"]
    moderated = moderation_asked(moderation, context.guardian.policy, said)
    if moderated is not None:
        await moderated.before()
    turn = capture.new_turn(ask, speaker, user, conversation, request.headers, choice, context.policy)
    starting = asyncio.ensure_future(_start(context, ask, request, turn, choice, make_form))
    exchange = await _unless_gone(request, starting)
    if exchange is None:
        context.afterwards(_record_unstarted(context, turn, request.headers))
        return Response(status_code=499)
    exchange = replace(exchange, moderated=moderated)
    if ask.stream:
        return EventStream(_events(exchange), exchange.response_headers())
    return await _whole(exchange, request)


async def _start(
    context: Context, ask: Ask, request: Request, turn: Turn, choice: Choice, make_form: MakeForm
) -> Exchange:
    """Up to the first token: from here on the version is settled."""
    context.pace.arrive()
    clock = generation.Clock(arrived_at(request), context.pace)
    if choice.version not in context.engine.loaded():
        await context.control.ensure(choice.version)
    fallback = generation.fallback_for(choice, context.control.refs().stable)
    versions = [choice.version, *([fallback.version] if fallback else [])]
    digests = {version: await context.digest(version) for version in versions}
    try:
        running = await generation.start(
            context.engine, ask, capture.new_id(), turn.user, choice, fallback, clock
        )
    except (ContextLengthExceeded, RequestRefused):
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
    first_token = clock.waited_seconds + clock.added_seconds
    turn = replace(
        turn,
        version=settled.version,
        arm=settled.arm,
        rollout=settled.rollout,
        chance=settled.chance,
        first_token_seconds=round(first_token, 4),
    )
    context.metrics.first_token_seconds.labels(settled.arm.value).observe(first_token)
    name = turn.id.removeprefix("turn-")
    origin = Origin(name, context.engine.model_name, digests[settled.version], settled, int(turn.created_at))
    return Exchange(context, ask, request.headers, turn, make_form(origin, ask), running)


async def _whole(exchange: Exchange, request: Request) -> Response:
    """The answer of a request that does not stream."""
    answers = [Said() for _ in range(exchange.ask.answers)]
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
    body = compact(exchange.form.whole(answers, outcome, note))
    headers = exchange.response_headers(outcome.recorded)
    return Response(body, headers=headers, media_type="application/json")


async def _collect(exchange: Exchange, answers: list[Said]) -> bool:
    async with aclosing(exchange.running.all()) as steps:
        async for index, chunk in steps:
            answers[index].add(chunk)
    return True


async def _events(exchange: Exchange) -> AsyncIterator[bytes]:
    """The answer of a request that streams. Its end is said only when the turn is on disk."""
    form, moderated = exchange.form, exchange.moderated
    answers = [Said() for _ in range(exchange.ask.answers)]
    note: dict[str, Any] | None = None
    held = moderated is not None and moderated.block_output
    whole = False
    begun = b"".join(form.begin())  # goes out with the first text, which is there already: each send costs
    try:
        async with aclosing(exchange.running.all()) as steps:
            async for index, chunk in steps:
                answers[index].add(chunk)
                if (chunk.text or chunk.logprobs or chunk.tool_calls) and not held:
                    yield begun + form.step(index, chunk)
                    begun = b""
        if moderated is not None:
            note = await moderated.after(answers)
        whole = True
        outcome = await exchange.commit(answers)
        yield begun + b"".join(form.end(answers, outcome, note, held))
    except Exception as error:
        if not whole:
            exchange.broke_off(answers, f"the engine failed: {error}", error)
        log.error("%s broke off: %s", exchange.turn.id, error, exc_info=not isinstance(error, EngineError))
        yield begun + b"".join(form.broken(in_words(error)))
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
