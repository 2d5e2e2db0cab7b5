"""The vllm engine's face on the event loop: the protocol, over replicas that answer by HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import get_args

from server.engine.slots import Slots
from server.engine.stream import ChunkStream
from server.engine.types import (
    Chunk,
    ContextLengthExceeded,
    EngineDead,
    EngineError,
    EngineHealth,
    Feature,
    GenerationRequest,
    Sampling,
)
from server.engine.versions import LoadedVersion, Versions
from server.engine.vllm import process
from server.engine.vllm.adapters import Adapters
from server.engine.vllm.answer import Answering
from server.engine.vllm.check import linear_shapes
from server.engine.vllm.client import ReplicaClient
from server.engine.vllm.options import VllmOptions
from server.engine.vllm.process import ServeProcess
from server.engine.vllm.replica import Replica
from server.engine.vllm.staging import Staging
from server.types import Message

PROOF_TOKENS = 8
"""Greedy tokens of each prompt that `score` digests."""


class VllmEngine:
    """Serves one base model and its versions from replicas, each of which has all of them.

    `model_dir` is the base model's folder here: its shapes are what adapters are checked against, and
    replicas that are started by the engine serve it.
    """

    def __init__(
        self, model_dir: Path, model_name: str, options: VllmOptions, *, base_digest: str = ""
    ) -> None:
        self.model_name = model_name
        self.base_digest = base_digest
        self.max_model_len = options.max_model_len
        """Lowered by `start` to what the replicas say."""
        self.replicas = [
            self._replica(model_dir, options, n) for n in range(len(options.urls) or options.replicas)
        ]
        self._model_dir = model_dir
        self._options = options
        self._staging = Staging(options.staging, options.adapters_dir_seen_as)
        self._versions = Versions()
        self._loading = asyncio.Lock()
        self._slots = Slots(options.max_batch * len(self.replicas))
        self._answering = Answering(self.replicas, options.patience_seconds)
        self._adapters: Adapters
        self._keepers: list[asyncio.Task[None]] = []
        self._streams: dict[ChunkStream, asyncio.Task[None]] = {}
        self._dead = "the engine has not been started"

    def _replica(self, model_dir: Path, options: VllmOptions, n: int) -> Replica:
        own = None
        if options.urls:
            url = name = options.urls[n]
        else:
            port = process.free_port()
            url, name = f"http://127.0.0.1:{port}", f"replica-{n}"
            command = process.command(options, model_dir, self.model_name, port)
            own = ServeProcess(name, options.run_dir, command, process.environment(options, n))
        client = ReplicaClient(url, options.api_key, options.stall_seconds)
        return Replica(name, client, own, options.probe_seconds, options.start_seconds)

    @property
    def busy(self) -> int:
        """Chat requests running or waiting now."""
        return self._slots.busy

    @property
    def features(self) -> frozenset[Feature]:
        """All of them. Tools need a parser in the replica (--enable-auto-tool-choice, --tool-call-parser);
        without one it refuses the request, and says so."""
        return frozenset(get_args(Feature))

    @property
    def retries(self) -> int:
        """How often a request that had not begun was asked again."""
        return self._answering.retries

    async def start(self) -> None:
        """Have the replicas come up; returns when one can be asked and raises EngineError when none can."""
        shapes = await asyncio.to_thread(linear_shapes, self._model_dir)
        await asyncio.to_thread(self._staging.open)
        self._adapters = Adapters(self._staging, shapes, self._options.max_lora_rank, self.replicas)
        if self._options.base_as_adapter:
            await asyncio.to_thread(self._adapters.keep_base, self._options.run_dir / "base")
        self._dead = ""
        self._keepers = [asyncio.create_task(r.keep(self._adapters.reconcile)) for r in self.replicas]
        deadline = time.monotonic() + self._options.start_seconds
        while not any(replica.state == "ready" for replica in self.replicas):
            hopeless = all(replica.hopeless for replica in self.replicas)
            if hopeless or time.monotonic() > deadline:
                whys = self._answering.whys()
                await self.close()
                raise EngineError(f"vLLM cannot be used: {whys}")
            await asyncio.sleep(0.02)
        lengths = [replica.max_model_len for replica in self.replicas if replica.max_model_len]
        self.max_model_len = min(self._options.max_model_len, *lengths)

    async def close(self) -> None:
        """Stop; requests in flight end with EngineDead, processes of our own with all they started."""
        self._dead = self._dead or "the engine was closed"
        error = EngineDead(f"{self._dead}; restart the server")
        self._slots.fail(error)
        for stream, task in self._streams.items():
            stream.put(error)
            task.cancel()
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, *self._streams.values(), return_exceptions=True)
        await asyncio.gather(*[replica.close() for replica in self.replicas])

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Chunk]:
        """Stream one answer; chunks that pile up while the reader is busy come as one."""
        self._check_alive()
        version = self._versions.get(request.version)
        with version.in_use():
            await self._slots.acquire(request.background)
            try:
                self._check_alive()
                stream = ChunkStream()
                answering = self._answering.stream(request, self._model(version), stream)
                task = self._streams[stream] = asyncio.create_task(answering)
                try:
                    while True:
                        chunk = await stream.next()
                        yield chunk
                        if chunk.finish_reason is not None:
                            return
                finally:
                    del self._streams[stream]
                    task.cancel()
                    await asyncio.wait([task])
            finally:
                self._slots.release(request.background)

    async def load(self, version: str, path: Path) -> None:
        """Check an adapter, place it, and have every ready replica load it; then requests may name it."""
        self._check_alive()
        async with self._loading:
            if self._versions.holds(version, path):
                return
            await self._adapters.load(version, path)
            self._versions.show(self._versions.new(version, path))

    async def unload(self, version: str) -> None:
        """Refuse new requests at once; when the last one has ended, have all replicas forget it."""
        record = await self._versions.retire(version)
        async with self._loading:
            if record is not None and version not in self._versions.names() and not self._dead:
                await self._adapters.unload(version)

    def loaded(self) -> frozenset[str]:
        """The versions that can be asked now, the base included."""
        return self._versions.names()

    async def score(self, version: str, prompts: Sequence[str]) -> str:
        """sha256 over the version's file hashes and its first greedy tokens after each prompt.

        vLLM shows no logits, and log-probabilities change in their last bits with the batch around them; the
        most probable tokens do not.
        """
        self._check_alive()
        record = self._versions.get(version)
        digest = hashlib.sha256(self.base_digest.encode())
        with record.in_use():
            model = self._model(record)
            digest.update(b"" if record.path is None else self._adapters.get(version).digest.encode())
            for prompt in prompts:
                request = GenerationRequest(
                    "score", (Message("user", prompt),), version, Sampling(PROOF_TOKENS)
                )
                ids = await self._answering.prompt_ids(request, model)
                self._check_length(len(ids), "a scored prompt")
                body = {"prompt": ids, "max_tokens": PROOF_TOKENS, "temperature": 0, "return_token_ids": True}
                said = await self._answering.call("/v1/completions", body, model, request)
                digest.update(json.dumps([ids, _said(said)["token_ids"]]).encode())
        return digest.hexdigest()

    async def log_likelihoods(
        self, version: str, messages: Sequence[Message], answers: Sequence[str]
    ) -> list[float]:
        """Mean log-probability a token of each answer, in nats."""
        self._check_alive()
        record = self._versions.get(version)
        found = []
        with record.in_use():
            model = self._model(record)
            request = GenerationRequest("likelihood", tuple(messages), version)
            prompt = await self._answering.prompt_ids(request, model)
            for answer in answers:
                ids = prompt + await self._answering.text_ids(answer, model, request)
                self._check_length(len(ids), "a scored answer and its prompt")
                body = {"prompt": ids, "max_tokens": 1, "temperature": 0, "prompt_logprobs": 0}
                said = await self._answering.call("/v1/completions", body, model, request)
                found.append(_likelihood(_said(said), ids, min(len(prompt), len(ids) - 1)))
        return found

    def health(self) -> EngineHealth:
        """Alive while any replica can be asked."""
        alive = not self._dead and any(replica.state == "ready" for replica in self.replicas)
        detail = self._dead or self._answering.whys()
        return EngineHealth(alive, self._slots.running, self._slots.waiting, detail)

    def alarms(self) -> list[str]:
        """The replicas that cannot be asked now, and why."""
        return [f"replica {r.name} is {r.state}: {r.why}" for r in self.replicas if r.state != "ready"]

    def _model(self, version: LoadedVersion) -> str:
        """The name by which the replicas know it; '' for the base, which each names itself."""
        if version.path is None and not self._options.base_as_adapter:
            return ""
        return self._adapters.get(version.name).name

    def _check_alive(self) -> None:
        if self._dead:
            raise EngineDead(f"{self._dead}; restart the server")

    def _check_length(self, tokens: int, what: str) -> None:
        if tokens >= self.max_model_len:
            raise ContextLengthExceeded(f"{what}: {tokens} tokens of {self.max_model_len}")


def _said(answer: Mapping[str, list[dict[str, object]]]) -> Mapping[str, object]:
    try:
        return answer["choices"][0]
    except (KeyError, IndexError, TypeError) as error:
        raise EngineError("a replica answered with something that is no completion") from error


def _likelihood(said: Mapping[str, object], ids: Sequence[int], start: int) -> float:
    """Mean over the tokens from `start` on; `prompt_logprobs` has, for each place, token id → logprob."""
    told = said.get("prompt_logprobs")
    if not isinstance(told, list) or len(told) != len(ids):
        raise EngineError("a replica did not tell the log-probabilities of a prompt")
    values = [float(told[n][str(ids[n])]["logprob"]) for n in range(start, len(ids))]
    return sum(values) / len(values)
