"""A scripted engine: answers at once, deterministic, without a model. For tests and front-end work.

It keeps the whole protocol (slots, cancelling, versions, failures) and passes the same contract tests as the
engines that think. What it does not do: understand anything, or take any note of an adapter's weights.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import random
import re
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from server.engine.slots import Slots
from server.engine.text import StopFilter
from server.engine.tool_calls import Calls, tool_call_filter
from server.engine.types import (
    BadAdapter,
    Chunk,
    ContextLengthExceeded,
    EngineDead,
    EngineError,
    EngineHealth,
    Feature,
    FinishReason,
    GenerationRequest,
    TokenLogprob,
)
from server.engine.versions import Versions
from server.types import Message

KEPT_REQUESTS = 1000
_PIECE = re.compile(r"\s*[^\s]{1,6}|\s+")


@dataclass(frozen=True, slots=True)
class Rule:
    """When `pattern` (a regular expression) is found in the last message, say one of `answers`."""

    pattern: str
    answers: Sequence[str]
    """Temperature 0 says the first; above 0 the request's seed chooses."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Version → what it says instead."""


Script = Callable[[GenerationRequest], str] | Sequence[Rule]


def word_pieces(text: str) -> list[str]:
    """The fake's tokens: at most six letters with the space before them. Joined they give the text again."""
    return _PIECE.findall(text)


class FakeEngine:
    """The engine protocol over a script: a function of the request, or rules tried in order.

    `seconds_per_token` makes it stream at a pace; `fail_next` and `die` inject failures.
    """

    def __init__(
        self,
        script: Script = (),
        *,
        model_name: str = "fake",
        max_model_len: int = 2048,
        max_batch: int = 32,
        seconds_per_token: float = 0.0,
        features: frozenset[Feature] = frozenset({"tools"}),
    ) -> None:
        self.model_name = model_name
        self.base_digest = hashlib.sha256(model_name.encode()).hexdigest()
        self.max_model_len = max_model_len
        self.seconds_per_token = seconds_per_token
        self.features = features
        """What it says that it can do. Calls of tools it writes when its script does, in the form of
        server.engine.tool_calls; of the other features it takes the fields and does nothing."""
        self.requests: list[GenerationRequest] = []
        """The last that were admitted, oldest first: what a test may want to look at. Not all of them, as a
        server with this engine must not grow with what it answers."""
        self._script = script
        self._slots = Slots(max_batch)
        self._versions = Versions()
        self._failures: deque[tuple[EngineError, int]] = deque()
        self._dead = "the engine has not been started"

    @property
    def busy(self) -> int:
        """Chat requests running or waiting."""
        return self._slots.busy

    async def start(self) -> None:
        """Nothing to load."""
        self._dead = ""

    async def close(self) -> None:
        """Stop: requests in flight end with EngineDead."""
        self.die("the engine was closed")

    def die(self, detail: str) -> None:
        """Fail as an engine whose loop crashed: every request, now and later, gets EngineDead."""
        self._dead = detail
        self._slots.fail(EngineDead(f"{detail}; restart the server"))

    def fail_next(self, error: EngineError, after_tokens: int = 0) -> None:
        """The next request raises `error` once it has streamed so many tokens."""
        self._failures.append((error, after_tokens))

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk]:
        """Stream the scripted answer, a word piece a chunk."""
        self._check_alive()
        version = self._versions.get(request.version)
        prompt_tokens = sum(len(word_pieces(m.content)) + 1 for m in request.messages)
        prompt_tokens += len(word_pieces((request.text or "") + request.prefill))
        if prompt_tokens >= self.max_model_len:
            raise ContextLengthExceeded(
                f"the prompt has {prompt_tokens} tokens, the context {self.max_model_len} with the answer"
            )
        with version.in_use():
            await self._slots.acquire(request.background)
            try:
                self.requests.append(request)
                del self.requests[:-KEPT_REQUESTS]
                async for chunk in self._stream(request, prompt_tokens):
                    yield chunk
            finally:
                self._slots.release(request.background)

    async def _stream(self, request: GenerationRequest, prompt_tokens: int) -> AsyncGenerator[Chunk]:
        failure, fail_after = self._failures.popleft() if self._failures else (None, 0)
        pieces = word_pieces(self._answer(request))
        room = min(request.sampling.max_tokens, self.max_model_len - prompt_tokens)
        text_filter = StopFilter(request.sampling.stop)
        tools = tool_call_filter(request)
        finish: FinishReason | None = None
        count = 0
        while finish is None:
            await asyncio.sleep(self.seconds_per_token)
            self._check_alive()
            if failure is not None and count >= fail_after:
                raise failure
            said = pieces[count : count + 1]
            count += len(said)
            text, stopped = text_filter.push("".join(said))
            if stopped or count == len(pieces):
                finish = "stop"
            elif count >= room:
                finish = "length"
            if finish and not stopped:
                text += text_filter.flush()
            calls: Calls = ()
            if tools is not None:
                text, calls = tools.push(text)
                rest, cut = tools.flush() if finish else ("", ())
                text, calls = text + rest, calls + cut
                finish = tools.finish if finish == "stop" else finish
            yield Chunk(
                text=text,
                token_ids=tuple(_token_id(p) for p in said),
                logprobs=tuple(_logprobs(p, request.sampling.logprobs) for p in said)
                if request.sampling.logprobs is not None
                else (),
                finish_reason=finish,
                prompt_tokens=prompt_tokens if finish else 0,
                completion_tokens=count if finish else 0,
                tool_calls=calls,
            )

    def _answer(self, request: GenerationRequest) -> str:
        text = self._script(request) if callable(self._script) else _by_rule(self._script, request)
        return text[len(request.prefill) :] if text.startswith(request.prefill) else text

    async def load(self, version: str, path: Path) -> None:
        """Accept any folder that looks like a PEFT adapter."""
        self._check_alive()
        if self._versions.holds(version, path):
            return
        try:
            config = json.loads((path / "adapter_config.json").read_text())
            (path / "adapter_model.safetensors").stat()
        except (OSError, ValueError) as error:
            raise BadAdapter(f"{path} is not a composed adapter folder: {error}") from error
        if config.get("peft_type") != "LORA":
            raise BadAdapter(f"{path} has peft_type {config.get('peft_type')!r}; only LORA can be served")
        self._versions.show(self._versions.new(version, path))

    async def unload(self, version: str) -> None:
        """Refuse new requests for the version at once, return when the last one in flight has ended."""
        await self._versions.retire(version)

    def loaded(self) -> frozenset[str]:
        """The versions that can be asked now."""
        return self._versions.names()

    async def score(self, version: str, prompts: Sequence[str]) -> str:
        """A digest of the version's files and the prompts: equal when, and only when, both are equal."""
        self._check_alive()
        known = self._versions.get(version)
        digest = hashlib.sha256(self.base_digest.encode())
        if known.path is not None:
            digest.update((known.path / "adapter_model.safetensors").read_bytes())
        digest.update(json.dumps(list(prompts)).encode())
        return digest.hexdigest()

    async def log_likelihoods(
        self, version: str, messages: Sequence[Message], answers: Sequence[str]
    ) -> list[float]:
        """Every word is as likely as in its own answers."""
        self._check_alive()
        self._versions.get(version)
        return [math.log(0.5)] * len(answers)

    def health(self) -> EngineHealth:
        """Alive until `die` or `close`."""
        slots = self._slots
        return EngineHealth(not self._dead, slots.running, slots.waiting, self._dead)

    def _check_alive(self) -> None:
        if self._dead:
            raise EngineDead(f"{self._dead}; restart the server")


def _by_rule(rules: Sequence[Rule], request: GenerationRequest) -> str:
    said = request.messages[-1].content if request.messages else request.text or ""
    for rule in rules:
        if re.search(rule.pattern, said):
            if request.version in rule.versions:
                return rule.versions[request.version]
            if request.sampling.temperature > 0:
                return random.Random(request.sampling.seed).choice(list(rule.answers))
            return rule.answers[0]
    return f"You said: {said}"


def _token_id(piece: str) -> int:
    return int.from_bytes(hashlib.sha256(piece.encode()).digest()[:3], "big")


def _logprobs(piece: str, alternatives: int | None) -> tuple[TokenLogprob, tuple[TokenLogprob, ...]]:
    """Alternatives are the piece itself, then made-up ones, each half as likely as the one before."""
    chosen = TokenLogprob(piece, math.log(0.5))
    others = [
        TokenLogprob(f"{piece}~{n}", chosen.logprob - n * math.log(2)) for n in range(1, alternatives or 0)
    ]
    return chosen, tuple([chosen, *others][: alternatives or 0])
