"""The embedded engine's face on the event loop: requests in, chunks out, versions loaded and unloaded."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from server.engine.embedded.adapter_files import read_adapter
from server.engine.embedded.answer import Answer, Scored
from server.engine.embedded.batch import Batch, Row, Said
from server.engine.embedded.constraint import Grammars
from server.engine.embedded.loading import Loaded, load_model
from server.engine.embedded.worker import Worker
from server.engine.stream import ChunkStream
from server.engine.types import (
    Chunk,
    ContextLengthExceeded,
    EngineDead,
    EngineError,
    EngineHealth,
    Feature,
    GenerationRequest,
)
from server.engine.versions import Versions
from server.types import Message

T = TypeVar("T")


class EmbeddedEngine:
    """Serves one base model and any number of its versions from this process.

    `threads` are torch's; `kv_cache_bytes` bounds the memory of running answers; `step_tokens` bounds what
    one step reads in, so how long a new prompt can hold up the answers that run.
    """

    def __init__(
        self,
        model_dir: Path,
        model_name: str,
        *,
        base_digest: str = "",
        device: str = "cpu",
        threads: int = 2,
        max_batch: int = 32,
        max_model_len: int = 2048,
        kv_cache_bytes: int = 512 * 2**20,
        step_tokens: int = 256,
    ) -> None:
        self.model_name = model_name
        self.base_digest = base_digest
        self.max_model_len = max_model_len
        """Lowered by `start` to what the model was made for and the cache can hold."""
        self.busy = 0
        """Chat requests running or waiting now."""
        self._model_dir = model_dir
        self._device = device
        self._kv_cache_bytes = kv_cache_bytes
        self._max_batch, self._step_tokens = max_batch, step_tokens
        self._threads = threads
        self._versions = Versions()
        self._loading = asyncio.Lock()
        self._grammars = Grammars()
        self._streams: dict[Row, ChunkStream] = {}
        self._calls: set[asyncio.Future[Any]] = set()
        self._dead = "the engine has not been started"
        self._loop: asyncio.AbstractEventLoop
        self._worker: Worker
        self._loaded: Loaded

    async def start(self) -> None:
        """Load the base model; raises EngineError with what to do when it cannot."""
        self._loop = asyncio.get_running_loop()
        self._dead = ""
        self._worker = Worker(self._threads, self._publish, self._worker_died)
        self._worker.start()
        try:
            self._loaded = await self._call(self._load_model)
        except EngineError:
            await self.close()
            raise
        self.max_model_len = min(self.max_model_len, self._loaded.max_model_len)
        self._grammars.open(self._loaded.chat, self._loaded.vocabulary)

    def _load_model(self) -> Loaded:
        loaded = load_model(self._model_dir, self.model_name, self._device, self._kv_cache_bytes)
        self._worker.batch = Batch(loaded.forward, self._max_batch, self._step_tokens)
        return loaded

    async def close(self) -> None:
        """Stop; requests in flight end with EngineDead."""
        self._end("the engine was closed")
        self._grammars.close()
        self._worker.stop()
        await asyncio.to_thread(self._worker.join)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk]:
        """Stream one answer; chunks that pile up while the reader is busy come as one."""
        self._check_alive()
        version = self._versions.get(request.version)
        prompt = self._loaded.chat.encode_request(request)
        if len(prompt) >= self.max_model_len:
            raise ContextLengthExceeded(
                f"the prompt has {len(prompt)} tokens, the context {self.max_model_len} with the answer"
            )
        stream = ChunkStream()
        with version.in_use():
            constraint = await self._grammars.constraint(request.options)
            self._check_alive()
            answer = Answer(request, prompt, version.key, self.max_model_len, self._loaded.chat, constraint)
            self._streams[answer] = stream
            self.busy += not request.background
            self._post(lambda batch: batch.submit(answer))
            ended = False
            try:
                while not ended:
                    chunk = await stream.next()
                    ended = chunk.finish_reason is not None
                    yield chunk
            finally:
                self.busy -= not request.background
                del self._streams[answer]
                if not ended and not self._dead:
                    self._post(lambda batch: batch.cancel(answer))

    async def load(self, version: str, path: Path) -> None:
        """Read, examine and graft a composed PEFT folder; requests may name it when this returns."""
        self._check_alive()
        async with self._loading:
            if self._versions.holds(version, path):
                return
            grafts = self._loaded.forward.grafts
            adapter = await asyncio.to_thread(read_adapter, path, grafts.shapes)
            record = self._versions.new(version, path)
            assert record.key is not None
            key = record.key
            await self._call(lambda: grafts.add(key, adapter))
            self._versions.show(record)

    async def unload(self, version: str) -> None:
        """Refuse new requests for the version at once, free it when the last one in flight has ended."""
        record = await self._versions.retire(version)
        if record is not None and record.key is not None and not self._dead:
            key = record.key
            await self._call(lambda: self._remove(key))

    def _remove(self, key: str) -> None:
        """In the worker's thread."""
        self._loaded.forward.grafts.remove(key)
        if self._worker.batch is not None:
            self._worker.batch.prefixes.drop(key)

    @property
    def features(self) -> frozenset[Feature]:
        """Formats always; tools, and forcing a call, where the model's own template can show them."""
        formats = frozenset[Feature]({"response_format"})
        return formats | {"tools", "tool_choice"} if self._loaded.chat.has_tools else formats

    def loaded(self) -> frozenset[str]:
        """The versions that can be asked now, the base included."""
        return self._versions.names()

    async def score(self, version: str, prompts: Sequence[str]) -> str:
        """sha256 over the raw float32 last-token logits of the prompts, each run alone between two steps."""
        self._check_alive()
        record = self._versions.get(version)
        digest = hashlib.sha256()
        with record.in_use():
            for prompt in prompts:
                ids = self._loaded.chat.encode([Message("user", prompt)])
                if len(ids) > self.max_model_len:
                    raise ContextLengthExceeded(
                        f"a scored prompt has {len(ids)} tokens of {self.max_model_len}"
                    )
                digest.update(await self._call(partial(self._loaded.logit_bytes, ids, record.key)))
        return digest.hexdigest()

    async def log_likelihoods(
        self, version: str, messages: Sequence[Message], answers: Sequence[str]
    ) -> list[float]:
        """Mean log-probability a token of each answer, in nats: background work, like a prompt to be read."""
        self._check_alive()
        record = self._versions.get(version)
        prompt = self._loaded.chat.encode(messages)
        whole = [self._loaded.chat.encode(messages, answer) for answer in answers]
        longest = max(map(len, whole), default=0)
        if longest > self.max_model_len:
            raise ContextLengthExceeded(
                f"a scored answer has {longest} tokens of {self.max_model_len} with its prompt"
            )
        request = GenerationRequest("likelihood", tuple(messages), version, background=True)
        with record.in_use():
            texts = [
                Scored(request, tokens, max(1, min(len(prompt), len(tokens) - 1)), record.key)
                for tokens in whole
            ]
            return list(await asyncio.gather(*map(self._likelihood, texts)))

    async def _likelihood(self, text: Scored) -> float:
        stream = self._streams[text] = ChunkStream()
        self._post(lambda batch: batch.submit(text))
        read = False
        try:
            chunk = await stream.next()
            read = True
        finally:
            del self._streams[text]
            if not read and not self._dead:
                self._post(lambda batch: batch.cancel(text))
        return sum(token.logprob for token, _ in chunk.logprobs) / len(chunk.logprobs)

    def health(self) -> EngineHealth:
        """Never blocks."""
        batch = self._worker.batch if not self._dead else None
        running = batch.running if batch is not None else 0
        return EngineHealth(not self._dead, running, max(0, len(self._streams) - running), self._dead)

    def _check_alive(self) -> None:
        if self._dead:
            raise EngineDead(f"{self._dead}; restart the server")

    def _post(self, task: Callable[[Batch], None]) -> None:
        batch = self._worker.batch
        if batch is not None:
            self._worker.post(lambda: task(batch))

    async def _call(self, task: Callable[[], T]) -> T:
        """Run a task in the worker's thread and wait for what it gives."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._calls.add(future)
        future.add_done_callback(self._calls.discard)

        def settle(value: T | None, error: Exception | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(value)  # type: ignore[arg-type]  # None only where T is None

        def run() -> None:
            try:
                value = task()
            except Exception as error:  # belongs to the caller, whatever it is
                self._loop.call_soon_threadsafe(settle, None, error)
            else:
                self._loop.call_soon_threadsafe(settle, value, None)

        self._worker.post(run)
        return await future

    def _publish(self, said: Said) -> None:
        """In the worker's thread: one wake-up of the event loop for all answers of a step."""
        self._loop.call_soon_threadsafe(self._hand_out, said)

    def _hand_out(self, said: Said) -> None:
        for answer, chunk in said:
            stream = self._streams.get(answer)
            if stream is not None:
                stream.put(chunk)

    def _worker_died(self, detail: str) -> None:
        """In the worker's thread."""
        self._loop.call_soon_threadsafe(self._end, f"the engine's loop broke ({detail})")

    def _end(self, detail: str) -> None:
        self._dead = self._dead or detail
        error = EngineDead(f"{self._dead}; restart the server")
        for stream in self._streams.values():
            stream.put(error)
        for future in list(self._calls):
            if not future.done():
                future.set_exception(error)
